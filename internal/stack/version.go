package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

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

// folderStamp is a digest of what a file or folder looks like: names, sizes and times.
func folderStamp(path string) string {
	if path == "" {
		return ""
	}
	b := sha256.New()
	seen := 0
	_ = filepath.WalkDir(path, func(p string, entry os.DirEntry, err error) error { // what cannot be read counts as absent
		if seen++; err != nil || seen > maxStamped {
			return filepath.SkipAll
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			_, _ = fmt.Fprintf(b, "%s %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return hex.EncodeToString(b.Sum(nil))
}
