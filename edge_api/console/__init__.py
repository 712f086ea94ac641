"""Pages for people over the public API's own functions. docs/console.md says how it is built."""
