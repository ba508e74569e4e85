//! The single-role pattern at Snowflake: what is wanted ([`desired`]), what is there ([`observed`], asked for by
//! [`reading`]), the statements between the two ([`plan`]), and the proof that it holds ([`verify`]).
//!
//! Pure: whoever asks Snowflake is elsewhere. Nothing here holds a secret.

pub mod audit;
pub mod desired;
pub mod observed;
pub mod ours;
pub mod plan;
pub mod reading;
pub mod verify;
