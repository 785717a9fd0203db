"""Drives one session through every operation of SQS and SNS that is served, with an unmodified client of AWS's.

Usage: queues.py boto3|awscli URL

What a client makes of answers is asserted here, what the answers are is tested in Go. Clients check the digests of messages themselves.
"""

import contextlib
import io
import json
import os
import sys

kind, url = sys.argv[1], sys.argv[2]
os.environ.update(
    AWS_ENDPOINT_URL=url,
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_PAGER="",
)

from botocore import xform_name  # noqa: E402, it reads the environment


def boto(service):
    import boto3

    client = boto3.client(service)
    return lambda operation, **params: getattr(client, xform_name(operation))(**params)


def cli(service):
    """The AWS CLI in this process: starting it anew for every call would take seconds each."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()

    def do(operation, **params):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = driver.main([service, xform_name(operation, "-"), "--endpoint-url", url, "--output", "json", "--cli-input-json", json.dumps(params)])
        if code:
            raise RuntimeError(err.getvalue() + out.getvalue())
        return json.loads(out.getvalue() or "{}")

    return do


connect = boto if kind == "boto3" else cli
sqs = connect("sqs")


def refused(what, code):
    try:
        what()
    except Exception as e:  # ClientError, or the CLI's text
        assert code in str(e), e
        return
    raise AssertionError("not refused with " + code)


def queues():
    dead = sqs("CreateQueue", QueueName="dead")["QueueUrl"]
    arn = sqs("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    q = sqs("CreateQueue", QueueName="q", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    assert sqs("GetQueueUrl", QueueName="q")["QueueUrl"] == q
    assert len(sqs("ListQueues")["QueueUrls"]) == 2
    page = sqs("ListQueues", MaxResults=1)
    if kind == "boto3":  # the CLI asks for all pages by itself
        assert len(sqs("ListQueues", MaxResults=1, NextToken=page["NextToken"])["QueueUrls"]) == 1
    assert sqs("ListDeadLetterSourceQueues", QueueUrl=dead)["queueUrls"] == [q]
    sqs("TagQueue", QueueUrl=q, Tags={"a": "b", "c": "d"})
    sqs("UntagQueue", QueueUrl=q, TagKeys=["a"])
    assert sqs("ListQueueTags", QueueUrl=q)["Tags"] == {"c": "d"}
    sqs("AddPermission", QueueUrl=q, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    sqs("RemovePermission", QueueUrl=q, Label="l")
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    sqs("SendMessage", QueueUrl=q, MessageBody="one", MessageAttributes=attributes)
    got = sqs("ReceiveMessage", QueueUrl=q, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
    assert got["Attributes"]["ApproximateReceiveCount"] == "1" and got["MessageAttributes"] == attributes, got
    assert not sqs("ReceiveMessage", QueueUrl=q).get("Messages")
    sqs("StartMessageMoveTask", SourceArn=arn)
    got = sqs("ReceiveMessage", QueueUrl=q, WaitTimeSeconds=5, VisibilityTimeout=60)["Messages"][0]
    assert got["Body"] == "one"
    assert sqs("ListMessageMoveTasks", SourceArn=arn)["Results"][0]["SourceArn"] == arn
    sqs("ChangeMessageVisibility", QueueUrl=q, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=30)
    changes = [{"Id": "1", "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 20}]
    assert len(sqs("ChangeMessageVisibilityBatch", QueueUrl=q, Entries=changes)["Successful"]) == 1
    sqs("DeleteMessage", QueueUrl=q, ReceiptHandle=got["ReceiptHandle"])
    entries = [{"Id": str(i), "MessageBody": str(i)} for i in range(10)]
    assert len(sqs("SendMessageBatch", QueueUrl=q, Entries=entries)["Successful"]) == 10
    messages = sqs("ReceiveMessage", QueueUrl=q, MaxNumberOfMessages=10, VisibilityTimeout=60)["Messages"]
    entries = [{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages][:5]
    assert len(sqs("DeleteMessageBatch", QueueUrl=q, Entries=entries)["Successful"]) == 5
    sqs("SetQueueAttributes", QueueUrl=q, Attributes={"DelaySeconds": "3"})
    sqs("PurgeQueue", QueueUrl=q)
    sqs("DeleteQueue", QueueUrl=q)
    refused(lambda: sqs("GetQueueUrl", QueueName="q"), "AWS.SimpleQueueService.NonExistentQueue")
    refused(lambda: sqs("CancelMessageMoveTask", TaskHandle="x"), "InvalidParameterValue")
    fifo = sqs("CreateQueue", QueueName="f.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    refused(lambda: sqs("SendMessage", QueueUrl=fifo, MessageBody="x"), "MissingParameter")
    assert sqs("SendMessage", QueueUrl=fifo, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")["SequenceNumber"]


def topics():
    sns = connect("sns")
    q = sqs("CreateQueue", QueueName="q")["QueueUrl"]
    arn = sqs("GetQueueAttributes", QueueUrl=q, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    t = sns("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    sub = sns("Subscribe", TopicArn=t, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": json.dumps({"kind": ["order"]})})["SubscriptionArn"]
    assert sns("ListTopics")["Topics"] == [{"TopicArn": t}]
    assert sns("ListSubscriptions")["Subscriptions"][0]["Endpoint"] == arn
    assert sns("ListSubscriptionsByTopic", TopicArn=t)["Subscriptions"][0]["SubscriptionArn"] == sub
    kind = {"kind": {"DataType": "String", "StringValue": "order"}}
    sns("Publish", TopicArn=t, Message="no kind")
    sns("Publish", TopicArn=t, Message="one", Subject="s", MessageAttributes=kind)
    got = json.loads(sqs("ReceiveMessage", QueueUrl=q, WaitTimeSeconds=5)["Messages"][0]["Body"])
    assert got["Message"] == "one" and got["Subject"] == "s" and got["MessageAttributes"]["kind"]["Value"] == "order", got
    sns("SetSubscriptionAttributes", SubscriptionArn=sub, AttributeName="RawMessageDelivery", AttributeValue="true")
    assert sns("GetSubscriptionAttributes", SubscriptionArn=sub)["Attributes"]["RawMessageDelivery"] == "true"
    entries = [{"Id": str(i), "Message": str(i), "MessageAttributes": kind} for i in range(3)]
    assert len(sns("PublishBatch", TopicArn=t, PublishBatchRequestEntries=entries)["Successful"]) == 3
    assert sqs("ReceiveMessage", QueueUrl=q, WaitTimeSeconds=5)["Messages"][0]["Body"] in "012"
    sns("SetTopicAttributes", TopicArn=t, AttributeName="DisplayName", AttributeValue="Shop")
    assert sns("GetTopicAttributes", TopicArn=t)["Attributes"]["DisplayName"] == "Shop"
    sns("TagResource", ResourceArn=t, Tags=[{"Key": "c", "Value": "d"}])
    sns("UntagResource", ResourceArn=t, TagKeys=["a"])
    assert sns("ListTagsForResource", ResourceArn=t)["Tags"] == [{"Key": "c", "Value": "d"}]
    refused(lambda: sns("ConfirmSubscription", TopicArn=t, Token="x"), "InvalidParameter")
    sns("AddPermission", TopicArn=t, Label="l", AWSAccountId=["111111111111"], ActionName=["Publish"])
    refused(lambda: sns("AddPermission", TopicArn=t, Label="l", AWSAccountId=["111111111111"], ActionName=["Publish"]), "InvalidParameter")
    assert '"Sid":"l"' in sns("GetTopicAttributes", TopicArn=t)["Attributes"]["Policy"]
    sns("RemovePermission", TopicArn=t, Label="l")
    refused(lambda: sns("SetSMSAttributes", attributes={"DefaultSMSType": "Promotional"}), "InvalidAction")
    sns("Unsubscribe", SubscriptionArn=sub)
    sns("DeleteTopic", TopicArn=t)
    refused(lambda: sns("GetTopicAttributes", TopicArn=t), "NotFound")


topics() if sys.argv[3:] == ["topics"] else queues()
