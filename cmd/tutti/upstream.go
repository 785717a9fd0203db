package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/task"
)

// upstreamVariable names upstreams where the flag does not, with commas between them.
const upstreamVariable = "TUTTI_UPSTREAM"

// upstreamFlags say where the calls of Task states go that no service of this process takes.
type upstreamFlags struct{ upstreams []string }

func (f *upstreamFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.upstreams, "upstream", nil, "where calls of services go that are not served here: `URL`, aws, or service=URL; may be repeated "+
		"(default: $"+upstreamVariable+")")
}

// routes are what the flags mean.
func (f *upstreamFlags) routes() (*awsclient.Routes, error) {
	upstreams := f.upstreams
	if upstreams == nil {
		for part := range strings.SplitSeq(os.Getenv(upstreamVariable), ",") {
			if part = strings.TrimSpace(part); part != "" {
				upstreams = append(upstreams, part)
			}
		}
	}
	routes, err := awsclient.NewRoutes(upstreams)
	if err != nil {
		return nil, usage("%s", err)
	}
	return routes, nil
}

// connectionsFile is where a project keeps what HTTP tasks authenticate with.
const connectionsFile = "connections.json"

// connections reads the project's connections; a project may have none.
func (p *project) connections() (task.ConnectionSet, error) {
	file := filepath.Join(p.root, connectionsFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	set, err := task.ParseConnections(text)
	if err != nil {
		return nil, usage("%s: %s", file, err)
	}
	return set, nil
}

// embedded are the services that the front door of this process serves to Task states, as aws-sdk resources write them.
var embedded = []string{"sfn", "cloudwatchlogs", "cloudwatch", "eventbridge", "scheduler", "s3", "lambda", "sqs", "sns"}
