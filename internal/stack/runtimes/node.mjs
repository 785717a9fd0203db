// The runtime client for nodejs* functions: it takes invocations from the Lambda Runtime API and gives them to the handler that
// _HANDLER names. What a function sees of it, logs and errors are as AWS's own client has them. It needs nothing but Node.
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

const [address, ...rest] = process.env.AWS_LAMBDA_RUNTIME_API.split('/');
const base = `/${rest.join('/')}/2018-06-01/runtime`;
const [host, port] = address.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const data = body === undefined ? undefined : Buffer.from(body);
    const request = http.request(
      { host, port, path: base + where, method, agent, headers: data ? { 'Content-Length': data.length, ...headers } : headers },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(data);
  });
}

// Errors

// What is wrong with the function rather than in it, with the name that AWS gives it.
function fault(kind, message) {
  return Object.assign(new Error(message), { name: `Runtime.${kind}` });
}

function errorDocument(error) {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function postError(where, error) {
  const document = errorDocument(error);
  await call('POST', where, JSON.stringify(document), { 'Lambda-Runtime-Function-Error-Type': document.errorType });
}

// Logs. A carriage return is a new line within one event.

const asJSON = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
let requestId;

// An error's own fields do not show in JSON.
function shown(key, value) {
  if (!(value instanceof Error)) return value;
  return { errorType: value.constructor?.name ?? 'UnknownError', errorMessage: value.message, stackTrace: value.stack?.split('\n'), ...value };
}

function jsonLine(time, level, params) {
  const line = { timestamp: time, level, requestId };
  if (params.length === 1) {
    try {
      return JSON.stringify({ ...line, message: params[0] }, shown);
    } catch {
      return JSON.stringify({ ...line, message: format(params[0]) });
    }
  }
  line.message = format(...params);
  const error = params.find((p) => p instanceof Error);
  return JSON.stringify(error ? { ...line, ...shown('', error) } : line);
}

function log(level, ...params) {
  const time = new Date().toISOString();
  const line = asJSON ? jsonLine(time, level, params) : `${time}\t${requestId}\t${level}\t${format(...params)}`;
  process.stdout.write(`${line.replaceAll('\n', '\r')}\n`);
}

function patchConsole() {
  const least = Math.max(0, levels.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  const at = (level) => (levels.indexOf(level) >= least ? (...params) => log(level, ...params) : () => {});
  for (const level of levels) console[level.toLowerCase()] = at(level);
  console.log = at('INFO');
}

function logError(what, error) {
  const e = error instanceof Error ? error : new Error(error);
  if (asJSON) {
    console.error(e);
    return;
  }
  const document = { errorType: e.name, errorMessage: e.message, code: e.code, ...e, stack: e.stack?.split('\n') };
  console.error(what, `\t${JSON.stringify(document)}`);
}

// The handler

// Whether the nearest package.json says that .js files are ES modules.
function isModule(folder) {
  if (path.basename(folder) === 'node_modules') return false;
  const file = path.join(folder, 'package.json');
  if (existsSync(file)) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).type === 'module';
    } catch {
      return false;
    }
  }
  const above = path.dirname(folder);
  return above !== folder && isModule(above);
}

async function loadModule(root, folder, name) {
  const start = path.resolve(root, folder, name);
  const require = createRequire(path.join(root, 'index.js'));
  const asModule = isModule(path.dirname(start));
  for (const [end, esm] of [['.js', asModule], ['.mjs', true], ['.cjs', false]]) {
    if (existsSync(start + end)) return esm ? import(pathToFileURL(start + end).href) : require(start + end);
  }
  return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
}

async function load() {
  const root = process.env.LAMBDA_TASK_ROOT;
  const name = process.env._HANDLER;
  if (name.includes('..')) {
    throw fault('MalformedHandlerName', `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const [file, ...names] = path.basename(name).split('.');
  if (names.length === 0) throw fault('MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await loadModule(root, path.dirname(name), file);
  } catch (error) {
    if (error instanceof SyntaxError) throw fault('UserCodeSyntaxError', String(error));
    if (error?.code === 'MODULE_NOT_FOUND') throw fault('ImportModuleError', String(error));
    throw error;
  }
  const handler = names.reduce((found, part) => found?.[part], module);
  if (!handler) throw fault('HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw fault('HandlerNotFound', `${name} is not a function`);
  return handler;
}

globalThis.awslambda = {
  streamifyResponse() {
    throw fault('InvalidStreamingOperation', 'Functions that stream their response (awslambda.streamifyResponse) do not run here: return the whole response.');
  },
};

// Invocations

let onEmptyLoop = () => {}; // what is to be done when nothing is left to do
process.on('beforeExit', () => onEmptyLoop());

function contextOf(headers, done, waits) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const json = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    get callbackWaitsForEmptyEventLoop() {
      return waits.forEmptyLoop;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits.forEmptyLoop = value;
    },
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    clientContext: json('lambda-runtime-client-context'),
    identity: json('lambda-runtime-cognito-identity'),
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? 'handled'),
    done,
  };
}

// A handler answers by its promise, by calling back, or by having nothing left to do. What it calls back counts once nothing is left to do.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const waits = { forEmptyLoop: true };
    const done = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const callback = (error, result) => {
      if (error !== null && error !== undefined) reject(error);
      else if (!waits.forEmptyLoop) resolve(result);
      else onEmptyLoop = () => resolve(result);
    };
    onEmptyLoop = () => {
      if (handler.constructor?.name === 'AsyncFunction') {
        reject(fault('NodeJsExit', 'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled.'));
      } else {
        resolve(null);
      }
    };
    const result = handler(event, contextOf(headers, done, waits), callback);
    if (typeof result?.then === 'function') result.then(resolve, reject);
  });
}

function serialized(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

async function invoke(handler) {
  const { headers, text } = await call('GET', '/invocation/next');
  requestId = headers['lambda-runtime-aws-request-id'];
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  const where = `/invocation/${requestId}`;
  failAt = `${where}/error`;
  let answer;
  try {
    answer = serialized(await run(handler, JSON.parse(text), headers));
  } catch (error) {
    logError('Invoke Error', error);
    await postError(`${where}/error`, error);
    return;
  } finally {
    onEmptyLoop = () => {};
  }
  await call('POST', `${where}/response`, answer);
}

let failAt = '/init/error'; // where it is told that the process cannot go on

function dies(what, status, wrap) {
  return (reason) => {
    const error = wrap(reason);
    logError(what, error);
    postError(failAt, error).finally(() => process.exit(status));
  };
}

process.on('uncaughtException', dies('Uncaught Exception', 129, (e) => e));
process.on('unhandledRejection', dies('Unhandled Promise Rejection', 128, (reason) =>
  Object.assign(fault('UnhandledPromiseRejection', String(reason)), { reason }),
));

async function main() {
  patchConsole();
  let handler;
  try {
    handler = await load();
  } catch (error) {
    logError('Uncaught Exception', error);
    await postError('/init/error', error);
    process.exit(1);
  }
  for (;;) await invoke(handler);
}

main().catch(dies('Uncaught Exception', 1, (e) => e));
