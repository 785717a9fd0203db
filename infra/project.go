package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// sourceKey is the metadata key under which a function or a state machine says where in the project its source lies, with
// slashes and relative to the root: "functions/probe-endpoint", "statemachines/endpoint-watch.asl.json". With it a template
// alone is enough to build and run what it describes, wherever its assets were uploaded to.
const sourceKey = "tutti:source"

// findRoot returns the project's root: the nearest folder, from the working directory upwards, that holds cdk.json. The cdk
// command starts the app in infra, tests run there, and people start it anywhere.
func findRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cdk.json")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no cdk.json in %s or above it: run this inside the project", start)
		}
	}
}

// readContext returns the context of the cdk.json in root, above all its feature flags. Only the cdk command hands them to the
// app by itself: without this a test, or the app started directly, would synthesize another template than the one that is
// deployed. For the same reason it adds the two settings with which the command asks for paths in the metadata.
func readContext(root string) (map[string]any, error) {
	path := filepath.Join(root, "cdk.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(file.Context) == 0 {
		return nil, fmt.Errorf("%s: no \"context\": the feature flags belong there", path)
	}
	settings := file.Context
	settings["aws:cdk:enable-path-metadata"] = true
	settings["aws:cdk:enable-asset-metadata"] = true
	return settings, nil
}
