//! What ordinary principals do: actions on data and queues, none of which leads to another principal.

use serde_json::Value;

use super::site::{Site, allow};
use crate::generate::random::Stream;
use crate::generate::words::AREAS;

/// A service of AWS with what workloads do there.
pub struct Service {
    /// Prefix of its actions.
    pub namespace: &'static str,
    pub actions: &'static [&'static str],
    /// ARN of what they do it on: `{account}` and `{name}` are filled in.
    resource: &'static str,
}

const fn service(namespace: &'static str, actions: &'static [&'static str], resource: &'static str) -> Service {
    Service { namespace, actions, resource }
}

/// The vocabulary. Creating, passing, assuming, attaching and changing code are not in it.
pub const SERVICES: &[Service] = &[
    service("s3", &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::harrowmere-{name}/*"),
    service(
        "logs",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        "arn:aws:logs:eu-west-1:{account}:log-group:/{name}:*",
    ),
    service(
        "dynamodb",
        &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        "arn:aws:dynamodb:eu-west-1:{account}:table/{name}",
    ),
    service(
        "sqs",
        &["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"],
        "arn:aws:sqs:eu-west-1:{account}:{name}",
    ),
    service("sns", &["sns:Publish"], "arn:aws:sns:eu-west-1:{account}:{name}"),
    service("kms", &["kms:Decrypt", "kms:GenerateDataKey"], "arn:aws:kms:eu-west-1:{account}:key/mrk-{name}"),
    service(
        "secretsmanager",
        &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "arn:aws:secretsmanager:eu-west-1:{account}:secret:{name}-*",
    ),
    service(
        "kinesis",
        &["kinesis:PutRecord", "kinesis:GetRecords", "kinesis:DescribeStream"],
        "arn:aws:kinesis:eu-west-1:{account}:stream/{name}",
    ),
    service(
        "athena",
        &["athena:StartQueryExecution", "athena:GetQueryResults"],
        "arn:aws:athena:eu-west-1:{account}:workgroup/{name}",
    ),
    service("glue", &["glue:GetTable", "glue:GetPartitions"], "arn:aws:glue:eu-west-1:{account}:table/{name}/*"),
    service("events", &["events:PutEvents"], "arn:aws:events:eu-west-1:{account}:event-bus/{name}"),
    service("ses", &["ses:SendEmail"], "arn:aws:ses:eu-west-1:{account}:identity/{name}.harrowmere.example"),
    service(
        "ecr",
        &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "arn:aws:ecr:eu-west-1:{account}:repository/{name}",
    ),
    service("cloudwatch", &["cloudwatch:PutMetricData"], "*"),
    service("xray", &["xray:PutTraceSegments"], "*"),
];

impl Service {
    /// A statement that allows some of the actions on something of this name.
    pub fn statement(&self, site: &Site<'_>, name: &str, stream: &mut Stream) -> Value {
        let n = stream.between(1, self.actions.len());
        let resource = self.resource.replace("{account}", &site.account.id).replace("{name}", name);
        allow(&self.actions[..n], &resource)
    }
}

/// A set of rights over a few services: its statements, and the services.
pub struct Rights {
    pub statements: Vec<Value>,
    pub services: Vec<&'static str>,
}

/// Rights over between `low` and `high` services, popular ones more often.
pub fn rights(site: &Site<'_>, stream: &mut Stream, (low, high): (usize, usize)) -> Rights {
    let mut rights = Rights { statements: Vec::new(), services: Vec::new() };
    for _ in 0..stream.between(low, high) {
        let service = &SERVICES[stream.ranked(SERVICES.len())];
        if rights.services.contains(&service.namespace) {
            continue;
        }
        let name = format!("{}-{}", AREAS[stream.ranked(AREAS.len())], stream.between(1, 40));
        rights.statements.push(service.statement(site, &name, stream));
        rights.services.push(service.namespace);
    }
    rights
}
