"""The runtime client for python* functions: it takes invocations from the Lambda Runtime API and gives them to the handler that
_HANDLER names, as AWS's own does. It needs nothing but Python 3."""
import http.client
import importlib
import json
import os
import sys
import time
import traceback

address, _, token = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
BASE = "/%s/2018-06-01/runtime" % token
connection = http.client.HTTPConnection(address)


def call(method, where, body=None, headers=None):
    connection.request(method, BASE + where, body=body, headers=headers or {})
    response = connection.getresponse()
    return response.headers, response.read()


def error_document(error):
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    return {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": Context.current, "stackTrace": frames}


class Context:
    """What a handler is told of its invocation."""

    current = ""

    def __init__(self, headers):
        self.aws_request_id = Context.current = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))


def load():
    name = os.environ["_HANDLER"]
    module, _, function = name.rpartition(".")
    if not module:
        raise ValueError("Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    loaded = importlib.import_module(module.replace("/", "."))
    if not hasattr(loaded, function):
        raise AttributeError("Handler '%s' missing on module '%s'" % (function, module))
    return getattr(loaded, function)


def report(where, error):
    document = error_document(error)
    print("[ERROR] %s: %s" % (document["errorType"], document["errorMessage"]), file=sys.stderr, flush=True)
    traceback.print_tb(error.__traceback__)
    call("POST", where, json.dumps(document), {"Lambda-Runtime-Function-Error-Type": document["errorType"]})


def main():
    try:
        handler = load()
    except BaseException as error:
        report("/init/error", error)
        sys.exit(1)
    while True:
        headers, event = call("GET", "/invocation/next")
        context = Context(headers)
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        where = "/invocation/" + context.aws_request_id
        try:
            answer = json.dumps(handler(json.loads(event), context), default=str)
        except Exception as error:
            report(where + "/error", error)
        else:
            call("POST", where + "/response", answer)
        sys.stdout.flush()


main()
