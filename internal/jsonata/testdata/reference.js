// What the reference implementation says. With the argument "answer" it answers lines as "tutti eval --batch" does, to compare the two by hand:
//
//	node internal/jsonata/testdata/reference.js answer < lines > theirs; tutti eval --batch < lines | diff theirs -
//
// Without, it times the expressions of bench_test.go: it reads one JSON object from standard input, {"input", "milliseconds", "expressions":
// [text]}, and writes a JSON array: for each expression its result and the nanoseconds that one evaluation takes, the least of several
// rounds. Like the Go side it compiles once, and evaluates with the input bound to $states.input.
const jsonata = require("jsonata");

async function measure(text, states, milliseconds) {
  const expression = jsonata(text);
  const bindings = { states };
  const result = await expression.evaluate(undefined, bindings);
  let best = Infinity;
  for (let n = 1, began = performance.now(); performance.now() - began < milliseconds;) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < n; i++) await expression.evaluate(undefined, bindings);
    const took = Number(process.hrtime.bigint() - start);
    best = Math.min(best, took / n);
    if (took < 20e6) n *= 2;
  }
  return { result, nanoseconds: best };
}

// isFunction tells a function of the language, which has no JSON.
const isFunction = (v) => typeof v === "function" || (v && (v._jsonata_lambda || v._jsonata_function));

async function answer({ id = null, expr, input, bindings }) {
  const start = `{"id":${JSON.stringify(id)},`;
  try {
    const result = await jsonata(expr).evaluate(input, bindings);
    if (isFunction(result)) return start + '"error":{"code":null,"message":"The result is a function","position":null}}';
    const text = JSON.stringify(result, (_, v) => (isFunction(v) ? undefined : v));
    return start + (text === undefined ? '"undefined":true}' : `"result":${text}}`);
  } catch ({ code = null, message, position = null }) {
    return start + `"error":${JSON.stringify({ code, message, position })}}`;
  }
}

let text = "";
process.stdin.setEncoding("utf8").on("data", (part) => (text += part)).on("end", async () => {
  if (process.argv[2] === "answer") {
    for (const line of text.split("\n")) if (line.trim()) console.log(await answer(JSON.parse(line)));
    return;
  }
  const { input, milliseconds, expressions } = JSON.parse(text);
  const answers = [];
  for (const expression of expressions) answers.push(await measure(expression, { input }, milliseconds));
  process.stdout.write(JSON.stringify(answers));
});
