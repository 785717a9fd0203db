// The runtime client for nodejs* functions: it takes invocations from the Lambda Runtime API and gives them to the handler that
// _HANDLER names, as AWS's own does. It needs nothing but Node.
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

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

function errorDocument(error) {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function load() {
  const root = process.env.LAMBDA_TASK_ROOT;
  const name = process.env._HANDLER;
  const folder = path.dirname(name);
  const [file, ...names] = path.basename(name).split('.');
  if (names.length === 0) {
    throw Object.assign(new Error('Bad handler'), { name: 'Runtime.MalformedHandlerName' });
  }
  const start = path.resolve(root, folder, file);
  const found = ['.js', '.mjs', '.cjs'].map((end) => start + end).find(existsSync);
  let module;
  if (found === undefined) {
    try {
      module = createRequire(path.join(root, 'index.js'))(start);
    } catch {
      throw Object.assign(new Error(`Cannot find module '${file}' in ${path.dirname(start)}`), { name: 'Runtime.ImportModuleError' });
    }
  } else {
    module = await import(pathToFileURL(found).href);
  }
  let handler = module;
  for (const part of names) handler = handler?.[part] ?? module.default?.[part];
  if (typeof handler !== 'function') {
    throw Object.assign(new Error(`${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  }
  return handler;
}

function contextOf(headers, done) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? new Error('unknown')),
    done,
  };
}

// A handler answers by its promise, or by calling back.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const result = handler(event, contextOf(headers, done), done);
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') {
      result.then(resolve, reject);
    } else if (handler.length < 3 && result !== undefined) {
      resolve(result);
    } else if (handler.length < 2) {
      resolve(null);
    }
  });
}

let handler;
try {
  handler = await load();
} catch (error) {
  const document = errorDocument(error);
  console.error(error);
  await call('POST', '/init/error', JSON.stringify(document), { 'Lambda-Runtime-Function-Error-Type': document.errorType });
  process.exit(1);
}

for (;;) {
  const { headers, text } = await call('GET', '/invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  try {
    const result = await run(handler, JSON.parse(text), headers);
    await call('POST', `/invocation/${id}/response`, JSON.stringify(result === undefined ? null : result));
  } catch (error) {
    const document = errorDocument(error);
    console.error(error);
    await call('POST', `/invocation/${id}/error`, JSON.stringify(document), { 'Lambda-Runtime-Function-Error-Type': document.errorType });
  }
}
