//! Snowflake's own clients through pat-exec: the tests are in `tests/`. Nothing lives here.
