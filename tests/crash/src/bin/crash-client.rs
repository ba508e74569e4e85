//! A client that logs in once with the connection it was given, and ends: with 0 if Snowflake let it in.

fn main() -> Result<(), String> {
    let identity = world::driver::who_am_i()?;
    println!("{}", identity.user);
    Ok(())
}
