//! Questions of a requirement, in the words of the partition that it is asked in.

use super::format::Requirement;
use crate::access::Ask;

/// The questions that a requirement's alternatives are, of which one is enough. Each pinned value is that of the
/// partition; where a partition knows a value under two names, each is an alternative.
pub fn asks(requirement: &Requirement, partition: &str) -> Vec<Ask> {
    let mut pins: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for (key, value) in &requirement.with {
        let key = key.to_ascii_lowercase();
        let values = localised(value, partition);
        let with = |set: &Vec<(String, String)>, value: &String| {
            set.iter().cloned().chain([(key.clone(), value.clone())]).collect::<Vec<_>>()
        };
        pins = pins.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect();
    }
    let alternatives = |action: &str| {
        pins.iter().map(|pins| Ask { action: action.to_owned(), pins: pins.clone() }).collect::<Vec<_>>()
    };
    requirement.actions().flat_map(alternatives).collect()
}

/// The partition that an entity lives in, by its ARN; AWS's main one for whatever has none.
pub fn partition_of(id: &str) -> &str {
    id.strip_prefix("arn:").and_then(|rest| rest.split(':').next()).unwrap_or("aws")
}

/// A pinned value as a partition writes it. In China some services carry the partition's domain and some do not.
fn localised(value: &str, partition: &str) -> Vec<String> {
    let mut values: Vec<String> = match value.strip_prefix("arn:aws:") {
        Some(rest) => vec![format!("arn:{partition}:{rest}")],
        None => vec![value.to_owned()],
    };
    if partition == "aws-cn" && value.ends_with(".amazonaws.com") {
        values.push(format!("{value}.cn"));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(with: &[(&str, &str)]) -> Requirement {
        Requirement {
            action: Some("iam:PassRole".to_owned()),
            any_of: Vec::new(),
            on: super::super::format::On::Target,
            by: super::super::format::By::Actor,
            given: None,
            request: 0,
            with: with.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
        }
    }

    fn values(with: &[(&str, &str)], partition: &str) -> Vec<String> {
        let pins = asks(&requirement(with), partition).into_iter().map(|ask| ask.pins);
        pins.map(|pins| pins.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn pins_are_in_the_words_of_the_partition() {
        let pins = [("iam:PassedToService", "ec2.amazonaws.com"), ("iam:PolicyARN", "arn:aws:iam::aws:policy/P")];
        let policy = |partition: &str| format!("iam:policyarn=arn:{partition}:iam::aws:policy/P");
        let service = "iam:passedtoservice=ec2.amazonaws.com";
        assert_eq!(values(&pins, "aws"), [format!("{service} {}", policy("aws"))]);
        assert_eq!(values(&pins, "aws-us-gov"), [format!("{service} {}", policy("aws-us-gov"))]);
        let china = [format!("{service} {}", policy("aws-cn")), format!("{service}.cn {}", policy("aws-cn"))];
        assert_eq!(values(&pins, "aws-cn"), china);
        assert_eq!(values(&[], "aws-cn"), [""]);
    }

    #[test]
    fn a_partition_is_told_by_the_arn() {
        assert_eq!(partition_of("arn:aws-cn:iam::111122223333:user/a"), "aws-cn");
        assert_eq!(partition_of("111122223333"), "aws");
    }
}
