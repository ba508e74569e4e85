//! One world for all suites.
