//! The engine on small hand-made organisations.
