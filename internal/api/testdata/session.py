"""Drives one session through every operation of Step Functions, with an unmodified client of AWS's.

Usage: session.py boto3|awscli URL OPERATION,OPERATION,...

The operations are those that the endpoint serves; the session fails if it leaves one out. What a client makes of answers is
asserted here, what the answers are is tested in Go.
"""

import contextlib
import io
import json
import os
import sys
import threading
import time

kind, url, served = sys.argv[1], sys.argv[2], set(sys.argv[3].split(","))
os.environ.update(
    AWS_ENDPOINT_URL=url,
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DISABLE_HOST_PREFIX_INJECTION="true",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_PAGER="",
)

from botocore import xform_name  # noqa: E402, it reads the environment
from botocore.exceptions import ClientError  # noqa: E402


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def boto():
    import boto3

    client = boto3.client("stepfunctions")

    def do(operation, params):
        try:
            return getattr(client, xform_name(operation))(**params)
        except ClientError as e:
            raise Refused(e.response["Error"]["Code"]) from e

    return do


def cli():
    """The AWS CLI in this process: starting it anew for every call would take seconds each."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    turn = threading.Lock()

    def do(operation, params):
        out, err = io.StringIO(), io.StringIO()
        args = ["stepfunctions", xform_name(operation, "-"), "--output", "json", "--cli-input-json", json.dumps(params)]
        with turn, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = driver.main(args)
        if status != 0:
            text = err.getvalue()
            raise Refused(text[text.find("(") + 1 : text.find(")")])
        return json.loads(out.getvalue() or "{}")

    return do


do = {"boto3": boto, "awscli": cli}[kind]()
called = set()


def call(operation, **params):
    called.add(operation)
    return do(operation, params)


def refused(code, operation, **params):
    try:
        answer = call(operation, **params)
    except Refused as e:
        assert e.code == code, f"{operation}: {e.code}, not {code}"
        return
    raise AssertionError(f"{operation} answered {answer}, instead of {code}")


def until(what, f):
    for _ in range(200):
        if f():
            return
        time.sleep(0.05)  # a client cannot but poll
    raise AssertionError("it never came to be so: " + what)


def states(**members):
    return json.dumps({"StartAt": next(iter(members)), "States": members})


ROLE = "arn:aws:iam::000000000000:role/r"
PASS = states(A={"Type": "Pass", "End": True})

# Machines.
check = call("ValidateStateMachineDefinition", definition="{}", severity="WARNING")
assert check["result"] == "FAIL" and check["diagnostics"][0]["code"] == "SCHEMA_VALIDATION_FAILED", check
machine = call("CreateStateMachine", name="m", definition=PASS, roleArn=ROLE, tags=[{"key": "a", "value": "b"}])["stateMachineArn"]
refused("StateMachineAlreadyExists", "CreateStateMachine", name="m", definition=PASS + " ", roleArn=ROLE)
described = call("DescribeStateMachine", stateMachineArn=machine)
assert described["definition"] == PASS and described["status"] == "ACTIVE" and described["loggingConfiguration"]["level"] == "OFF", described
assert [m["name"] for m in call("ListStateMachines")["stateMachines"]] == ["m"]
refused("MissingRequiredParameter", "UpdateStateMachine", stateMachineArn=machine)

# Versions and aliases.
first = call("PublishStateMachineVersion", stateMachineArn=machine, description="one")["stateMachineVersionArn"]
updated = call("UpdateStateMachine", stateMachineArn=machine, definition=PASS.replace('"A"', '"B"'), publish=True)
second = updated["stateMachineVersionArn"]
assert updated["revisionId"] and second == machine + ":2", updated
versions = call("ListStateMachineVersions", stateMachineArn=machine)["stateMachineVersions"]
assert [v["stateMachineVersionArn"] for v in versions] == [second, first], versions
alias = call("CreateStateMachineAlias", name="PROD", routingConfiguration=[{"stateMachineVersionArn": first, "weight": 100}])["stateMachineAliasArn"]
call("UpdateStateMachineAlias", stateMachineAliasArn=alias, description="live", routingConfiguration=[
    {"stateMachineVersionArn": first, "weight": 50}, {"stateMachineVersionArn": second, "weight": 50}])
assert call("DescribeStateMachineAlias", stateMachineAliasArn=alias)["description"] == "live"
assert len(call("ListStateMachineAliases", stateMachineArn=machine)["stateMachineAliases"]) == 1
refused("ConflictException", "DeleteStateMachineVersion", stateMachineVersionArn=second)

# Executions.
execution = call("StartExecution", stateMachineArn=alias, name="x", input='{"n": 1}')["executionArn"]
until("it ends", lambda: call("DescribeExecution", executionArn=execution)["status"] == "SUCCEEDED")
ended = call("DescribeExecution", executionArn=execution)
assert ended["output"] == '{"n": 1}' and ended["stateMachineAliasArn"] == alias, ended
assert call("ListExecutions", stateMachineArn=alias, statusFilter="SUCCEEDED")["executions"][0]["name"] == "x"
assert call("GetExecutionHistory", executionArn=execution)["events"][-1]["type"] == "ExecutionSucceeded"
assert call("DescribeStateMachineForExecution", executionArn=execution)["name"] == "m"
refused("ExecutionAlreadyExists", "StartExecution", stateMachineArn=machine, name="x")
refused("InvalidArn", "StopExecution", executionArn="nonsense")
express = call("CreateStateMachine", name="e", definition=PASS, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
sync = call("StartSyncExecution", stateMachineArn=express, input="7")
assert sync["status"] == "SUCCEEDED" and sync["output"] == "7", sync
if "TestState" in served:
    tested = call("TestState", definition='{"Type":"Pass","End":true}', input="7")
    assert tested["status"] == "SUCCEEDED" and tested["output"] == "7", tested

# Activities, with a worker.
activity = call("CreateActivity", name="a", tags=[{"key": "k", "value": "v"}])["activityArn"]
assert call("DescribeActivity", activityArn=activity)["name"] == "a"
assert len(call("ListActivities")["activities"]) == 1
work = call("CreateStateMachine", name="w", roleArn=ROLE, definition=states(
    T={"Type": "Task", "Resource": activity, "TimeoutSeconds": 300, "HeartbeatSeconds": 100, "End": True}))["stateMachineArn"]
for send in ("SendTaskSuccess", "SendTaskFailure"):
    execution = call("StartExecution", stateMachineArn=work)["executionArn"]
    task = call("GetActivityTask", activityArn=activity, workerName="w")
    assert task["input"] == "{}", task
    call("SendTaskHeartbeat", taskToken=task["taskToken"])
    more = {"output": "1"} if send == "SendTaskSuccess" else {"error": "E", "cause": "C"}
    call(send, taskToken=task["taskToken"], **more)
    until("the worker's answer ends it", lambda: call("DescribeExecution", executionArn=execution)["status"] != "RUNNING")
    refused("TaskTimedOut", send, taskToken=task["taskToken"], **more)
if "RedriveExecution" in served:
    assert call("RedriveExecution", executionArn=execution)["redriveDate"]
    until("it runs again", lambda: call("DescribeExecution", executionArn=execution)["redriveCount"] == 1)
call("StopExecution", executionArn=execution, error="Enough")
until("it is stopped", lambda: call("DescribeExecution", executionArn=execution)["status"] == "ABORTED")

# A Map Run.
many = call("CreateStateMachine", name="many", roleArn=ROLE, definition=states(M={
    "Type": "Map", "Label": "each", "End": True, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **json.loads(PASS)}}))["stateMachineArn"]
execution = call("StartExecution", stateMachineArn=many, input="[1, 2]")["executionArn"]
until("the Map Run ends", lambda: call("DescribeExecution", executionArn=execution)["status"] == "SUCCEEDED")
if "ListMapRuns" in served:
    run = call("ListMapRuns", executionArn=execution)["mapRuns"][0]["mapRunArn"]
    assert call("DescribeMapRun", mapRunArn=run)["itemCounts"]["succeeded"] == 2
    refused("ValidationException", "UpdateMapRun", mapRunArn=run, maxConcurrency=1)
    assert len(call("ListExecutions", mapRunArn=run)["executions"]) == 2

# Tags, and the end of all.
call("TagResource", resourceArn=machine, tags=[{"key": "c", "value": "d"}])
call("UntagResource", resourceArn=machine, tagKeys=["a"])
assert call("ListTagsForResource", resourceArn=machine)["tags"] == [{"key": "c", "value": "d"}]
refused("ResourceNotFound", "ListTagsForResource", resourceArn=machine + "x")
call("DeleteStateMachineAlias", stateMachineAliasArn=alias)
call("DeleteStateMachineVersion", stateMachineVersionArn=second)
call("DeleteActivity", activityArn=activity)
for arn in (machine, express, work, many):
    call("DeleteStateMachine", stateMachineArn=arn)
until("nothing is left", lambda: call("ListStateMachines")["stateMachines"] == [])
refused("StateMachineDoesNotExist", "StartExecution", stateMachineArn=machine)

left_out = served - called
assert not left_out, f"the session leaves out {sorted(left_out)}"
print(len(called), "operations")
