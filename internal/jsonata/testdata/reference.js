// Times the reference implementation on the expressions of bench_test.go. Reads one JSON object from standard input, {"input", "milliseconds",
// "expressions": [text]}, and writes a JSON array: for each expression its result and the nanoseconds that one evaluation takes, the
// least of several rounds. Like the Go side it compiles once, and evaluates with the input bound to $states.input.
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

let text = "";
process.stdin.setEncoding("utf8").on("data", (part) => (text += part)).on("end", async () => {
  const { input, milliseconds, expressions } = JSON.parse(text);
  const answers = [];
  for (const expression of expressions) answers.push(await measure(expression, { input }, milliseconds));
  process.stdout.write(JSON.stringify(answers));
});
