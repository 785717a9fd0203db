"""The runtime client for python* functions: it takes invocations from the Lambda Runtime API and gives them to the handler that
_HANDLER names. What a function sees of it, logs and errors are as AWS's own client has them. It needs nothing but Python 3."""
import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
import types

address, _, token = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
BASE = "/%s/2018-06-01/runtime" % token
connection = http.client.HTTPConnection(address)

TIME = "%Y-%m-%dT%H:%M:%S"


def call(method, where, body=None, headers=None):
    connection.request(method, BASE + where, body=body, headers=headers or {})
    response = connection.getresponse()
    return response.headers, response.read()


class Fault(Exception):
    """What is wrong with the function rather than in it, with the name that AWS gives it."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = "Runtime." + kind, list(trace)


class Current:
    """The invocation that is under way."""

    request = ""


# Answers


class Encoder(json.JSONEncoder):
    """Takes what AWS takes: decimals are numbers, bytes are texts."""

    def default(self, o):
        if isinstance(o, decimal.Decimal):
            return int(o) if o.is_finite() and o == o.to_integral_value() and o.as_tuple().exponent >= 0 else float(o)
        if isinstance(o, bytes):
            return o.decode()
        return super().default(o)


def encode(answer):
    if isinstance(answer, bytes):
        return answer
    try:
        return Encoder().encode(answer).encode()
    except Exception as error:
        raise Fault("MarshalError", "Unable to marshal response: %s" % error)


def error_document(error, skipped):
    """skipped is how many frames of the trace are this file's."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[skipped:])
    return {"errorMessage": str(error), "errorType": kind, "requestId": Current.request, "stackTrace": trace}


def report(where, document):
    log_error(document)
    sys.stdout.flush()
    sys.stderr.flush()
    call("POST", where, json.dumps(document), {"Lambda-Runtime-Function-Error-Type": document["errorType"]})


# Logs. A carriage return is a new line within one event.

as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def log_error(document):
    if as_json:
        now = time.strftime(TIME, time.gmtime()) + "Z"
        print(json.dumps({"timestamp": now, "level": "ERROR", **document}))
        return
    lines = ["[ERROR] %s: %s" % (document["errorType"], document["errorMessage"])]
    if document["stackTrace"]:
        lines.append("Traceback (most recent call last):")
    for frame in document["stackTrace"]:
        for line in frame.splitlines():
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    print("\r".join(line.replace("\n", "\r") for line in lines))


class Printer(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record).replace("\n", "\r") + "\n")


class OfRequest(logging.Filter):
    def filter(self, record):
        record.aws_request_id = Current.request
        return True


class JSONFormatter(logging.Formatter):
    usual = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName", "aws_request_id"}

    def format(self, record):
        made = time.strftime(TIME, time.gmtime(record.created)) + ".%03dZ" % record.msecs
        line = {"timestamp": made, "level": record.levelname, "message": record.getMessage(), "logger": record.name}
        if record.exc_info:
            kind, error, trace = record.exc_info
            line["stackTrace"] = traceback.format_tb(trace)
            line["errorType"], line["errorMessage"] = kind.__name__, str(error)
        line["requestId"] = record.aws_request_id
        if record.exc_info:
            line["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
        line.update((key, value) for key, value in record.__dict__.items() if key not in self.usual and key not in line)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up_logs():
    sys.stdout.reconfigure(line_buffering=True)
    sys.stderr.reconfigure(line_buffering=True)
    logging.Formatter.converter = time.gmtime
    printer = Printer()
    if as_json:
        printer.setFormatter(JSONFormatter())
    else:
        printer.setFormatter(logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", TIME))
    printer.addFilter(OfRequest())
    root = logging.getLogger()
    root.addHandler(printer)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level:
        root.setLevel({"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level))


# Invocations


def named(document, names):
    """An object with the members of a document, None where there is none."""
    return types.SimpleNamespace(**{name: document.get(name) for name in names})


def client_context(text):
    if not text:
        return None
    document = json.loads(text)
    names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    return types.SimpleNamespace(custom=document.get("custom"), env=document.get("env"), client=named(document.get("client") or {}, names))


class Context:
    """What a handler is told of its invocation."""

    def __init__(self, headers):
        self.aws_request_id = Current.request = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = client_context(headers.get("Lambda-Runtime-Client-Context"))
        identity = json.loads(headers.get("Lambda-Runtime-Cognito-Identity") or "{}")
        self.identity = types.SimpleNamespace(
            cognito_identity_id=identity.get("cognitoIdentityId"), cognito_identity_pool_id=identity.get("cognitoIdentityPoolId")
        )
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def load():
    name = os.environ["_HANDLER"]
    module, _, function = name.rpartition(".")
    if not module:
        raise Fault("MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    if module.split(".")[0] in sys.builtin_module_names:
        raise Fault("BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module, error))
    except SyntaxError as error:
        trace = '  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)
        raise Fault("UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, error), [trace])
    if not hasattr(loaded, function):
        raise Fault("HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, module))
    return getattr(loaded, function)


def invoke(handler):
    headers, event = call("GET", "/invocation/next")
    context = Context(headers)
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
    where = "/invocation/" + context.aws_request_id
    try:
        answer = encode(handler(json.loads(event), context))
    except Exception as error:
        report(where + "/error", error_document(error, 1))
        return
    sys.stdout.flush()
    sys.stderr.flush()
    call("POST", where + "/response", answer)


def main():
    set_up_logs()
    try:
        handler = load()
    except BaseException as error:
        report("/init/error", error_document(error, 2))
        sys.exit(1)
    while True:
        invoke(handler)


main()
