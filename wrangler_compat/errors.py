"""What a binding raises. Every vendor exception is mapped to one of these; a test walks the vendors' trees.

BindingError                    code, message, retryable
+-- D1Error                     a statement or a transaction failed
|   +-- D1ConstraintError       a CHECK, UNIQUE, NOT NULL or FOREIGN KEY said no (never retryable)
+-- R2Error                     the object store said no, or could not be reached
+-- QueueError                  the queue said no, or could not be reached
+-- VectorizeError              the vector index said no, or could not be reached
+-- RateLimitError              the rate limit could not be asked
+-- SlotsError                  the slots could not be asked
ConfigError                     wrangler.toml or the environment is wrong; the message says where and what to do
"""

from __future__ import annotations


class BindingError(Exception):
    """code: Cloudflare's where it has one, else UPPER_SNAKE. retryable: the same call may succeed later."""

    def __init__(self, message: str, *, code: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable


class D1Error(BindingError):
    """sqlite_code: SQLite's own name for it (SQLITE_CONSTRAINT_UNIQUE), empty when SQLite had no part in it."""

    def __init__(self, message: str, *, code: str = "D1_ERROR", retryable: bool = False, sqlite_code: str = "") -> None:
        super().__init__(f"{code}: {message}", code=code, retryable=retryable)
        self.sqlite_code = sqlite_code


class D1ConstraintError(D1Error):
    pass


class R2Error(BindingError):
    pass


class QueueError(BindingError):
    pass


class VectorizeError(BindingError):
    pass


class RateLimitError(BindingError):
    pass


class SlotsError(BindingError):
    pass


class ConfigError(Exception):
    """The configuration is wrong. The message is a sentence that names the file or variable and the mend."""
