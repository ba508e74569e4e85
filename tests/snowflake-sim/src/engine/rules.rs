//! The rules of Snowflake that the simulator keeps, one row each, with the test that shows it.
