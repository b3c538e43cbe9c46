//! Temporary stand-in for the configuration: the surface that the command line is written against.

use std::fmt;

/// Configuration of a scan.
#[derive(Debug, Clone)]
pub struct Config(());

/// Why a configuration cannot be used.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Config {
    /// The embedded default.
    pub fn embedded() -> Result<Self, ConfigError> {
        Self::parse("", "default configuration")
    }

    /// Reads a configuration file's text.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        toml::from_str::<toml::Table>(text).map(|_| Self(())).map_err(|error| ConfigError(format!("{file}: {error}")))
    }
}
