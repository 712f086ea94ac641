"""Notifications to other services, signed after the Standard Webhooks specification."""
