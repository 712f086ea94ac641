"""The gateway: HTTP in; R2, D1 and the queues out."""
