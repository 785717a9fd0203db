// Package trial tests single states, as the API's TestState does: it checks what a test is made of, lets the engine run the state, answers
// for the world around it, and reports what came of it. What the state does with its data is the engine's own work; nothing is done here
// a second time.
//
// The result of a task, or what a Map or Parallel would have put together, may be given instead of made (a mock). It is then held against
// what the service's API describes.
package trial
