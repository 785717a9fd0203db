package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tutti-run/tutti/internal/lambda"
)

// Deployment is a function of a template.
type Deployment struct {
	Name string
	// Source is the absolute folder of its Go main package; or Binary is a program that is run as it lies there.
	Source, Binary string
	// Stamp changes with the files behind Binary.
	Stamp         string
	Settings      Settings
	Architectures []string
	Reserved      *int
	Tags          map[string]string
}

// Deploy puts a function of a template in place, with the settings that the template has now. Versions, aliases, permissions and whatever else
// was added to it stay. The error is one of the host's or the journal's.
func (p *Plane) Deploy(d Deployment) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.RLock()
	old := p.functions[d.Name]
	p.mu.RUnlock()
	draft := &function{Name: d.Name, NextVersion: 1, versions: map[string]*version{}}
	var shown *function
	if old != nil {
		draft = old.clone()
		if !old.dormant {
			shown = old
		}
	}
	_, err := p.replace(d.Name, shown, draft, func(f *function) (*function, error) {
		c := defaults(d.Name)
		d.Settings.apply(&c)
		if len(d.Architectures) > 0 {
			c.Architectures = d.Architectures
		}
		if before := f.latest(); before != nil && before.Code == "" && before.Source == d.Source && before.Binary == d.Binary && before.Stamp == d.Stamp {
			c.RevisionId, c.LastModified = before.Config.RevisionId, before.Config.LastModified
			if unchanged(before.Config, c) {
				c = before.Config
			} else {
				c.RevisionId = ""
			}
		}
		if c.RevisionId == "" {
			c.RevisionId, c.LastModified = newRevision(), timestamp(p.cfg.Clock.Now())
		}
		f.Template, f.dormant, f.Reserved = true, false, d.Reserved
		if d.Tags != nil {
			f.Tags = d.Tags
		}
		next := &version{Config: c, Source: d.Source, Binary: d.Binary, Stamp: d.Stamp}
		if before := f.latest(); before != nil {
			next.RuntimeManagement = before.RuntimeManagement
		}
		f.versions[lambda.Latest] = next
		return f, nil
	})
	var refused *lambda.Error
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("deploy the function %s: %w", d.Name, err)
	}
	return err
}

// Settled is what a template has besides a function itself: its aliases, and the qualifiers ("" or $LATEST, or an alias) with settings for events and
// with a URL.
type Settled struct{ Aliases, Configs, URLs []string }

// Settle is told what a function's template has. What it had and has no more is deleted; what clients have made stays.
func (p *Plane) Settle(name string, has Settled) error {
	aliases, configs := has.Aliases, has.Configs
	_, err := p.change(name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(name, ""))
		}
		for _, alias := range f.TemplateAliases {
			if !slices.Contains(aliases, alias) {
				delete(f.Aliases, alias)
				delete(f.Policies, alias)
				delete(f.InvokeConfigs, alias)
				delete(f.URLs, alias)
			}
		}
		for _, qualifier := range f.TemplateConfigs {
			if !slices.Contains(configs, qualifier) {
				delete(f.InvokeConfigs, qualifier)
			}
		}
		for _, qualifier := range f.TemplateURLs {
			if !slices.Contains(has.URLs, qualifier) {
				delete(f.URLs, orLatest(qualifier))
			}
		}
		f.TemplateAliases, f.TemplateConfigs, f.TemplateURLs = aliases, configs, has.URLs
		return f, nil
	})
	return err
}

// Withdraw takes a function away that a template had and has no more. Its versions, aliases and settings are there again when one has it again.
func (p *Plane) Withdraw(name string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	f := p.get(name)
	if f == nil || !f.Template {
		return
	}
	dormant := f.clone()
	dormant.dormant = true
	p.mu.Lock()
	p.functions[name] = dormant
	p.mu.Unlock()
	p.cfg.Host.Remove(name)
}

// LastVersion is the number that a function was last published under, whether it has been deployed again or not; "" if there is none.
func (p *Plane) LastVersion(name string) string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	f := p.functions[name]
	if f == nil {
		return ""
	}
	number := strconv.Itoa(f.NextVersion - 1)
	if f.versions[number] == nil {
		return ""
	}
	return number
}

// Publish publishes a function of a template as it is now and returns the version's number: the last one's if neither code nor configuration has
// changed since. Unlike PublishVersion it also takes functions that run from where the template's code lies; versions of those keep their
// configuration, but all run the code that lies there. The error is a [*lambda.Error] or the journal's.
func (p *Plane) Publish(ctx context.Context, name, description string) (number string, err error) {
	f := p.get(name)
	if f == nil {
		return "", notFound("Function not found: %s", p.arn(name, ""))
	}
	code := ""
	if f.latest().Binary == "" {
		if code, err = p.freeze(ctx, f.latest()); err != nil {
			return "", err
		}
	}
	published, err := p.publishLatest(name, code, &PublishVersionRequest{Description: &description})
	if err != nil {
		return "", err
	}
	return published.Config.Version, nil
}

// DeployAlias makes an alias be as the request says, which a template does in full. The errors are those of CreateAlias.
func (p *Plane) DeployAlias(in AliasRequest) error {
	present, err := p.getAlias(p.ctx, &AliasRequest{FunctionName: in.FunctionName, Name: in.Name})
	if err != nil {
		_, err = p.createAlias(p.ctx, &in) // which refuses what is wrong with the request
		return err
	}
	if in.RoutingConfig == nil {
		in.RoutingConfig = &RoutingConfig{} // else the present one would stay
	}
	if in.Description == nil {
		in.Description = new(string)
	}
	var weights map[string]float64
	if present.RoutingConfig != nil {
		weights = present.RoutingConfig.AdditionalVersionWeights
	}
	if present.FunctionVersion == text(in.FunctionVersion) && present.Description == *in.Description && maps.Equal(weights, in.RoutingConfig.AdditionalVersionWeights) {
		return nil
	}
	_, err = p.updateAlias(p.ctx, &in)
	return err
}

// DeployEventInvokeConfig makes events be delivered as the request says. The errors are those of PutFunctionEventInvokeConfig.
func (p *Plane) DeployEventInvokeConfig(in EventInvokeConfigRequest) error {
	_, err := p.putFunctionEventInvokeConfig(p.ctx, &in)
	return err
}
