//! What rules and the credential score ask of a long-lived credential.

use super::facts::is_root;
use super::{Context, LastUse};
use crate::model::{Credential, CredentialKind, Entity};

/// Whether a credential of this kind is a secret that lasts until someone changes it, and that machines hold.
#[must_use]
pub const fn is_key(kind: CredentialKind) -> bool {
    matches!(
        kind,
        CredentialKind::AccessKey
            | CredentialKind::ServiceAccountKey
            | CredentialKind::ClientSecret
            | CredentialKind::Certificate
            | CredentialKind::SshKey
            | CredentialKind::Token
    )
}

/// How to call a kind of credential in a sentence.
#[must_use]
pub const fn noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Password => "password",
        CredentialKind::AccessKey => "access key",
        CredentialKind::Certificate => "certificate",
        CredentialKind::ClientSecret => "client secret",
        CredentialKind::ServiceAccountKey => "service account key",
        CredentialKind::Token => "token",
        CredentialKind::SshKey => "SSH key",
        CredentialKind::Federated => "federated credential",
        CredentialKind::Mfa => "second factor",
    }
}

impl<'a> Context<'a> {
    /// Keys of an entity that work, or of which nothing says that they do not.
    pub fn live_keys(&self, entity: &Entity) -> impl Iterator<Item = &'a Credential> {
        let rows = self.credentials(entity.entity).iter();
        rows.filter(|row| is_key(row.kind) && row.active != Some(false))
    }

    /// Days since a credential's secret was made or last changed.
    #[must_use]
    pub fn key_age_days(&self, row: &Credential) -> Option<u32> {
        row.last_rotated_at.max(row.created_at).map(|then| self.days_since(then))
    }

    /// Days for which a credential has not been used, and whether it ever was: since its last use, or since it was
    /// made when it never was.
    #[must_use]
    pub fn key_unused_days(&self, row: &Credential) -> Option<(u32, LastUse)> {
        match (row.last_used_at, row.never_used) {
            (Some(then), _) => Some((self.days_since(then), LastUse::At(then))),
            (None, Some(true)) => Some((self.key_age_days(row)?, LastUse::Never)),
            _ => None,
        }
    }

    /// Whether an entity can sign in with a password and has no second factor. `None` when the export does not say:
    /// no password is known, or neither a record nor the attribute `mfa` says anything of a second factor. The root of
    /// an account always has a password.
    #[must_use]
    pub fn lacks_mfa(&self, entity: &Entity) -> Option<bool> {
        let rows = self.credentials(entity.entity);
        let password = rows.iter().find(|row| row.kind == CredentialKind::Password)?;
        if password.active != Some(true) && !is_root(entity) {
            return password.active.map(|_| false);
        }
        let mut factors = rows.iter().filter(|row| row.kind == CredentialKind::Mfa).peekable();
        if factors.peek().is_some() {
            return Some(factors.all(|row| row.active == Some(false)));
        }
        let stated = self.attributes(entity.entity).iter().find(|row| row.key == "mfa")?;
        Some(stated.value == "false")
    }
}
