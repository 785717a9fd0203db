package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

// deployVersion registers the function under its version's number: here always the current code, since a template says nothing of older one.
func (s *Stack) deployVersion(u *unit, r *cfn.Resource) error {
	function, p := s.functionNamed(u, r)
	if function == nil {
		return p.Err()
	}
	number, _ := r.Attribute("Version")
	f, err := s.functionOf(function, function.Read())
	if err != nil {
		return err
	}
	c, err := s.codeOf(u, function)
	if err != nil {
		return nil // told with the function
	}
	f.Source, f.Binary, f.Version, f.ReservedConcurrency = c.source, c.binary, number, nil
	return s.host.Register(f)
}

// functionNamed finds the function of a version or alias in the same template; nil if it lies elsewhere or does not run.
func (s *Stack) functionNamed(u *unit, r *cfn.Resource) (*cfn.Resource, *cfn.Block) {
	p := r.Read()
	name := p.String("FunctionName")
	if parsed, err := sfn.ParseARN(name); err == nil {
		name = strings.TrimPrefix(parsed.Resource, "function:")
	}
	name, _, _ = strings.Cut(name, ":")
	for _, f := range u.template.OfType("AWS::Lambda::Function") {
		if f.Name == name {
			for _, info := range s.next.functions {
				if info.Name == name && info.Err == nil {
					return f, p
				}
			}
		}
	}
	return nil, p
}

func (s *Stack) deployAlias(u *unit, r *cfn.Resource) error {
	function, p := s.functionNamed(u, r)
	alias := lambda.Alias{Name: r.Name, Version: p.String("FunctionVersion"), Weights: map[string]float64{}}
	for _, w := range p.Block("RoutingConfig").Blocks("AdditionalVersionWeights") {
		if version := w.String("FunctionVersion"); version != alias.Version {
			alias.Weights[version] = w.Float("FunctionWeight", 0)
		}
	}
	if err := p.Err(); err != nil || function == nil {
		return err
	}
	alias.Function = function.Name
	return s.host.RegisterAlias(alias)
}

// deployMachineVersion publishes the machine as it is now. Versions outlive templates here as on AWS, so that the number may be another
// than the template's first.
func (s *Stack) deployMachineVersion(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	machine, description := p.String("StateMachineArn"), p.String("Description")
	if err := p.Err(); err != nil {
		return err
	}
	if !s.deployed(machine) {
		return nil
	}
	version, err := s.runner.PublishVersion(machine, sfn.OptString{}, description)
	if err != nil {
		return err
	}
	s.next.versions[r.Ref] = version.ARN
	return nil
}

// deployed tells whether a machine is there and can be started.
func (s *Stack) deployed(arn string) bool {
	for _, m := range s.next.machines {
		if m.ARN == arn && m.Err == nil {
			return true
		}
	}
	return false
}

func (s *Stack) deployMachineAlias(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	var routes []runner.Route
	route := func(b *cfn.Block, weight int64) {
		arn := b.String("StateMachineVersionArn")
		if published, ok := s.next.versions[arn]; ok {
			arn = published
		}
		routes = append(routes, runner.Route{VersionARN: arn, Weight: int(weight)})
	}
	if preference := p.Block("DeploymentPreference"); p.Has("DeploymentPreference") {
		route(preference, 100) // traffic is shifted gradually between deployments; here there is one
	}
	for _, b := range p.Blocks("RoutingConfiguration") {
		route(b, b.Int("Weight", 0))
	}
	description := p.String("Description")
	if err := p.Err(); err != nil {
		return err
	}
	if len(routes) == 0 {
		return fmt.Errorf("the alias has neither RoutingConfiguration nor DeploymentPreference")
	}
	version, err := sfn.ParseMachineARN(routes[0].VersionARN)
	if err != nil {
		return err
	}
	if !s.deployed(version.Unqualified()) {
		return nil
	}
	alias := version
	alias.Qualifier = r.Name
	if _, err := s.runner.Alias(alias); err == nil {
		_, err = s.runner.UpdateAlias(alias, sfn.Some(description), routes)
		return err
	}
	_, err = s.runner.CreateAlias(r.Name, description, routes)
	return err
}

func (s *Stack) deployActivity(_ *unit, r *cfn.Resource) error {
	_, err := s.runner.CreateActivity(s.cfg.Place, runner.NewActivity{Name: r.Name})
	return err
}

// maxStamped bounds how many files are looked at to tell whether code has changed.
const maxStamped = 20_000

// folderStamp is what a file or folder looks like: names, sizes and times.
func folderStamp(path string) string {
	if path == "" {
		return ""
	}
	var b strings.Builder
	seen := 0
	_ = filepath.WalkDir(path, func(p string, entry os.DirEntry, err error) error { // what cannot be read counts as absent
		if seen++; err != nil || seen > maxStamped {
			return filepath.SkipAll
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			fmt.Fprintf(&b, "%s %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}
