//! Ids of directory objects, and what security identifiers say.
//!
//! An entity's id is `ad:` and the object's identifier in upper case: a SID (`ad:S-1-5-21-…-512`), a GUID, or, for SIDs
//! that every domain has alike, the domain's name and the SID (`ad:CORP.EXAMPLE-S-1-5-32-544`). Something that is named
//! by its distinguished name only has that behind `ad:` until the object with the name is found.

use super::NAME;

/// Beginning of the SIDs of domains, and of what they issue.
const ISSUED: &str = "S-1-5-21-";
/// Administrators of a domain (BUILTIN).
pub const ADMINISTRATORS: &str = "S-1-5-32-544";
/// Whoever has proved who they are.
pub const AUTHENTICATED_USERS: &str = "S-1-5-11";
/// Everybody, strangers included.
pub const EVERYONE: &str = "S-1-1-0";
/// Domain controllers of a forest.
pub const ENTERPRISE_DOMAIN_CONTROLLERS: &str = "S-1-5-9";

/// The id of an entity.
#[must_use]
pub fn id(identifier: &str) -> String {
    format!("{NAME}:{}", identifier.trim().to_uppercase())
}

/// A SID that every domain has alike, with the name of the domain before it; others as they are.
#[must_use]
pub fn qualified(identifier: &str, domain: &str) -> String {
    let identifier = identifier.trim();
    let alike = identifier.starts_with("S-1-") && !identifier.starts_with(ISSUED);
    if alike && !domain.is_empty() { format!("{domain}-{identifier}") } else { identifier.to_owned() }
}

/// The SID itself of an identifier that a domain's name may stand before; `None` for a GUID or a name.
#[must_use]
pub fn sid(identifier: &str) -> Option<&str> {
    let at = identifier.find("S-1-")?;
    (at == 0 || identifier[..at].ends_with('-')).then(|| &identifier[at..])
}

/// The domain that issued a SID, and the relative part.
#[must_use]
pub fn issued(identifier: &str) -> Option<(&str, u32)> {
    let (domain, relative) = identifier.rsplit_once('-')?;
    let parts = domain.strip_prefix(ISSUED)?.split('-').count();
    (parts == 3).then_some(())?;
    Some((domain, relative.parse().ok()?))
}

/// Whether an identifier is the SID of a domain.
#[must_use]
pub fn is_domain(identifier: &str) -> bool {
    identifier.strip_prefix(ISSUED).is_some_and(|rest| rest.split('-').count() == 3)
}

/// Whether an identifier is a distinguished name.
#[must_use]
pub fn is_distinguished(identifier: &str) -> bool {
    identifier.contains('=') && identifier.contains(',')
}

/// Groups and accounts whose SIDs say that they rule the domain or the forest, with the reason.
#[must_use]
pub fn tier_zero(identifier: &str) -> Option<&'static str> {
    if let Some((_, relative)) = issued(identifier) {
        return Some(match relative {
            500 => "built-in Administrator of the domain (RID 500)",
            502 => "krbtgt, whose key makes every ticket of the domain (RID 502)",
            512 => "Domain Admins (RID 512)",
            516 => "Domain Controllers (RID 516)",
            518 => "Schema Admins (RID 518)",
            519 => "Enterprise Admins (RID 519)",
            526 => "Key Admins (RID 526)",
            527 => "Enterprise Key Admins (RID 527)",
            _ => return None,
        });
    }
    match sid(identifier)? {
        ADMINISTRATORS => Some("Administrators of the domain (S-1-5-32-544)"),
        ENTERPRISE_DOMAIN_CONTROLLERS => Some("Enterprise Domain Controllers (S-1-5-9)"),
        _ => None,
    }
}

/// Whether AdminSDHolder's descriptor is put on a group, its members, or an account, again and again.
#[must_use]
pub fn is_guarded(identifier: &str) -> bool {
    if let Some((_, relative)) = issued(identifier) {
        return matches!(relative, 500 | 502 | 512 | 516 | 518 | 519 | 521 | 526 | 527);
    }
    sid(identifier).is_some_and(|sid| {
        let relative = sid.strip_prefix("S-1-5-32-");
        matches!(relative, Some("544" | "548" | "549" | "550" | "551" | "552"))
    })
}

/// Who a group has as members without anybody listing them.
#[must_use]
pub fn has_implied_members(identifier: &str) -> bool {
    matches!(sid(identifier), Some(EVERYONE | AUTHENTICATED_USERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "S-1-5-21-1-2-3";

    #[test]
    fn identifiers_say_what_they_are() {
        assert_eq!(id(" c4a66cf4-0fea "), "ad:C4A66CF4-0FEA");
        assert_eq!(qualified("S-1-5-32-544", "CORP.EXAMPLE"), "CORP.EXAMPLE-S-1-5-32-544");
        assert_eq!(qualified("S-1-5-21-1-2-3-512", "CORP.EXAMPLE"), "S-1-5-21-1-2-3-512");
        assert_eq!(qualified("OTHER.EXAMPLE-S-1-5-11", "CORP.EXAMPLE"), "OTHER.EXAMPLE-S-1-5-11");
        assert_eq!(sid("A-S-1-5-9"), Some("S-1-5-9"));
        assert_eq!(sid("C4A66CF4-0FEA-44FA-B65E-6553F7C3BDD4"), None);
        assert_eq!(issued("S-1-5-21-1-2-3-512"), Some((DOMAIN, 512)));
        assert_eq!(issued(DOMAIN), None);
        assert!(is_domain(DOMAIN) && !is_domain("S-1-5-21-1-2-3-512"));
        assert!(is_distinguished("CN=BOB,OU=A,DC=X") && !is_distinguished("BOB@X"));
    }

    #[test]
    fn the_rulers_are_known_by_their_sids() {
        assert!(tier_zero("S-1-5-21-1-2-3-512").is_some() && tier_zero("A.B-S-1-5-32-544").is_some());
        assert!(tier_zero("S-1-5-21-1-2-3-513").is_none() && tier_zero("A.B-S-1-5-32-545").is_none());
        // A local group of a computer whose number is the same.
        assert!(tier_zero("S-1-5-21-1-2-3-1104-544").is_none());
        assert!(is_guarded("A.B-S-1-5-32-551") && is_guarded("S-1-5-21-1-2-3-521"));
        assert!(!is_guarded("A.B-S-1-5-32-555") && !is_guarded("S-1-5-21-1-2-3-2101"));
    }
}
