//! Promises across rooms: each file under `tests/` is one promise area. Nothing lives here.
