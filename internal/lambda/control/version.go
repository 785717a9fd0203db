package control

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda"
)

// publish adds a version that is what $LATEST is now, and returns it; the last one if nothing has changed since. The code must be in the
// store.
func (f *function) publish(description *string) *version {
	latest := f.latest()
	if last := f.versions[strconv.Itoa(f.NextVersion-1)]; last != nil && last.sameCode(latest) && unchanged(last.Config, latest.Config) && last.describes(latest) {
		return last
	}
	v := *latest
	v.Source = ""
	v.Config.Version = strconv.Itoa(f.NextVersion)
	v.Config.RevisionId = newRevision()
	described := latest.Config.Description
	v.Described = &described
	set(&v.Config.Description, description)
	f.versions[v.Config.Version] = &v
	f.NextVersion++
	latest.Config.RevisionId = newRevision()
	return &v
}

// describes tells whether $LATEST has the description that it had when v was published: another one is a change (recorded on AWS). Versions that were
// published by an earlier program do not say.
func (v *version) describes(latest *version) bool {
	return v.Described == nil || *v.Described == latest.Config.Description
}

// sameCode tells whether two versions, of which none is built from source, run the same code.
func (v *version) sameCode(w *version) bool {
	return v.Code == w.Code && v.Binary == w.Binary && v.Stamp == w.Stamp
}

// unchanged tells whether two configurations differ in nothing that a person has set. A version's description is its own.
func unchanged(a, b Configuration) bool {
	same := func(c Configuration) string {
		c.Version, c.RevisionId, c.LastModified, c.Description, c.CodeSha256, c.CodeSize = "", "", "", "", "", 0
		text, _ := json.Marshal(c) // texts and numbers always encode
		return string(text)
	}
	return same(a) == same(b)
}

// PublishVersionRequest is the request of PublishVersion.
type PublishVersionRequest struct {
	FunctionName                        *string
	CodeSha256, Description, RevisionId *string
	PublishTo                           *string
}

func (p *Plane) publishVersion(ctx context.Context, in *PublishVersionRequest) (*Configuration, error) {
	var c constraints
	c.length("description", in.Description, 0, maxDescription)
	if err := c.err(); err != nil {
		return nil, err
	}
	if in.PublishTo != nil {
		return nil, invalid("PublishTo cannot be had here; leave the member out.")
	}
	f, t, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	code, err := p.freeze(ctx, f.latest())
	if err != nil {
		return nil, err
	}
	published, err := p.publishLatest(t.name, code, in)
	if err != nil {
		return nil, err
	}
	return p.present(published, published.Config.Version), nil
}

// publishLatest publishes $LATEST, whose code is in the store under the name code; "" if it runs from where it lies.
func (p *Plane) publishLatest(name, code string, in *PublishVersionRequest) (published *version, err error) {
	_, err = p.change(name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(name, ""))
		}
		if err := checkRevision(in.RevisionId, f.revision(lambda.Latest)); err != nil {
			return nil, err
		}
		latest := f.latest()
		source := *latest
		if latest.Code == "" && code != "" { // what is published is what the source has made
			if err := p.useCode(latest, code); err != nil {
				return nil, err
			}
		}
		if sha := text(in.CodeSha256); sha != "" && sha != latest.Config.CodeSha256 {
			return nil, invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.",
				sha, latest.Config.CodeSha256)
		}
		published = f.publish(in.Description)
		if source.Source != "" {
			source.Config.RevisionId = latest.Config.RevisionId
			f.versions[lambda.Latest] = &source
		}
		return f, nil
	})
	return published, err
}

// freeze puts the code of a version into the store, where that of functions built from their source is not, and returns it.
func (p *Plane) freeze(ctx context.Context, v *version) (string, error) {
	if v.Code != "" {
		return v.Code, nil
	}
	if v.Source == "" {
		return "", invalid("The function %s runs from where the template's code lies, which no zip holds; only functions in Go and those that "+
			"came as a zip can be published here.", v.Config.FunctionName)
	}
	zipped, err := p.built(ctx, v)
	if err != nil {
		return "", err
	}
	return p.code.put(zipped)
}

// ListVersionsRequest is the request of ListVersionsByFunction.
type ListVersionsRequest struct {
	FunctionName *string
	Marker       string
	MaxItems     *int
}

// ListVersionsResponse is the response of ListVersionsByFunction.
type ListVersionsResponse struct {
	Versions   []*Configuration
	NextMarker string `json:",omitempty"`
}

func (p *Plane) listVersionsByFunction(ctx context.Context, in *ListVersionsRequest) (*ListVersionsResponse, error) {
	var c constraints
	c.page(maxListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	f, _, err := p.function(in.FunctionName, "", maxNamespaced)
	if err != nil {
		return nil, err
	}
	var all []*Configuration
	for _, number := range f.numbers() {
		all = append(all, listed(p.present(p.measured(ctx, f.versions[number]), number)))
	}
	// The marker is a position among numbers, which sort otherwise than texts.
	page, next, err := pageOf(all, func(c *Configuration) string { return versionPosition(c.Version) }, in.Marker, in.MaxItems, 50)
	return &ListVersionsResponse{page, next}, err
}

// versionPosition sorts as text the way the versions sort as numbers, $LATEST first.
func versionPosition(number string) string {
	if number == lambda.Latest {
		number = ""
	}
	return strings.Repeat("0", max(0, 20-len(number))) + number
}

// AliasRequest is the request of CreateAlias and UpdateAlias.
type AliasRequest struct {
	FunctionName    *string
	Name            *string
	FunctionVersion *string
	Description     *string
	RoutingConfig   *RoutingConfig
	RevisionId      *string
}

func (in *AliasRequest) check(create bool) error {
	var c constraints
	c.required("name", in.Name)
	if create {
		c.required("functionVersion", in.FunctionVersion)
	}
	c.length("name", in.Name, 1, 128)
	if in.Name != nil && *in.Name != "" && !lambda.IsAlias(*in.Name) && len(*in.Name) <= 128 {
		c.add(quoted(*in.Name), "name", "Member must satisfy regular expression pattern: "+patternAlias)
	}
	c.length("functionVersion", in.FunctionVersion, 1, 1024)
	c.matches("functionVersion", in.FunctionVersion, matchVersion, patternVersion)
	c.length("description", in.Description, 0, maxDescription)
	return c.err()
}

// weights returns the routing of a request, nil for none, or refuses it.
func (p *Plane) weights(f *function, to string, in *RoutingConfig) (*RoutingConfig, error) {
	if in == nil || len(in.AdditionalVersionWeights) == 0 {
		return nil, nil
	}
	if len(in.AdditionalVersionWeights) > 1 {
		return nil, invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for number, weight := range in.AdditionalVersionWeights {
		shown := "{" + number + "=" + double(weight) + "}"
		var c constraints
		switch {
		case !(weight >= 0 && weight <= 1):
			c.add(quoted(shown), "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value less than or "+
				"equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
			return nil, c.err()
		case number == to:
			return nil, invalid("Invalid function version %s. Function version %s is already included in routing configuration.", to, to)
		case to == lambda.Latest:
			return nil, lambda.Refuse(lambda.CodeInvalidParameterValue, "$LATEST is not supported for an alias pointing to more than 1 version").Untyped()
		case !matchNumber.MatchString(number):
			c.add(quoted(shown), "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: [Member must have length less than or "+
				"equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, "+
				"Member must not be null]")
			return nil, c.err()
		case f.versions[number] == nil:
			return nil, notFound("Function not found: %s", p.arn(f.Name, number))
		}
	}
	return &RoutingConfig{maps.Clone(in.AdditionalVersionWeights)}, nil
}

// double is a number as AWS's errors repeat it, with a fraction always.
func double(f float64) string {
	shown := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(shown, ".") {
		shown += ".0"
	}
	return shown
}

func (p *Plane) createAlias(_ context.Context, in *AliasRequest) (*Alias, error) {
	if err := in.check(true); err != nil {
		return nil, err
	}
	t, err := p.locate(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	var made *Alias
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || f.versions[*in.FunctionVersion] == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, *in.FunctionVersion))
		}
		if f.Aliases[*in.Name] != nil {
			return nil, lambda.Refuse(lambda.CodeResourceConflict, "Alias already exists: %s", p.arn(t.name, *in.Name))
		}
		routing, err := p.weights(f, *in.FunctionVersion, in.RoutingConfig)
		if err != nil {
			return nil, err
		}
		made = &Alias{
			AliasArn: p.arn(t.name, *in.Name), Name: *in.Name, FunctionVersion: *in.FunctionVersion, Description: text(in.Description),
			RoutingConfig: routing, RevisionId: newRevision(),
		}
		f.Aliases[*in.Name] = made
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (p *Plane) updateAlias(_ context.Context, in *AliasRequest) (*Alias, error) {
	if err := in.check(false); err != nil {
		return nil, err
	}
	_, t, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	var changed *Alias
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || f.Aliases[*in.Name] == nil {
			return nil, notFound("Alias not found: %s", p.arn(t.name, *in.Name))
		}
		changed = f.Aliases[*in.Name]
		if err := checkRevision(in.RevisionId, changed.RevisionId); err != nil {
			return nil, err
		}
		set(&changed.FunctionVersion, in.FunctionVersion)
		set(&changed.Description, in.Description)
		if f.versions[changed.FunctionVersion] == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, changed.FunctionVersion))
		}
		routing := in.RoutingConfig
		if routing == nil {
			routing = changed.RoutingConfig // which must go with the new version, too
		}
		if changed.RoutingConfig, err = p.weights(f, changed.FunctionVersion, routing); err != nil {
			return nil, err
		}
		changed.RevisionId = newRevision()
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func (p *Plane) getAlias(_ context.Context, in *AliasRequest) (*Alias, error) {
	if err := in.check(false); err != nil {
		return nil, err
	}
	f, t, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	a := f.Aliases[*in.Name]
	if a == nil {
		return nil, notFound("Cannot find alias arn: %s", p.arn(t.name, *in.Name))
	}
	return a, nil
}

func (p *Plane) deleteAlias(_ context.Context, in *AliasRequest) (*struct{}, error) {
	if err := in.check(false); err != nil {
		return nil, err
	}
	_, t, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, ""))
		}
		if f.Aliases[*in.Name] == nil {
			return f, nil // deleting what is not there is no error
		}
		delete(f.Aliases, *in.Name)
		delete(f.Policies, *in.Name)
		delete(f.InvokeConfigs, *in.Name)
		delete(f.URLs, *in.Name)
		return f, nil
	})
	return nil, err
}

// aliasesOf lists the aliases that lead to a version.
func (f *function) aliasesOf(number string) []string {
	var names []string
	for name, a := range f.Aliases {
		weighted := false
		if a.RoutingConfig != nil {
			_, weighted = a.RoutingConfig.AdditionalVersionWeights[number]
		}
		if a.FunctionVersion == number || weighted {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ListAliasesRequest is the request of ListAliases.
type ListAliasesRequest struct {
	FunctionName    *string
	FunctionVersion *string
	Marker          string
	MaxItems        *int
}

// ListAliasesResponse is the response of ListAliases.
type ListAliasesResponse struct {
	Aliases    []*Alias
	NextMarker string `json:",omitempty"`
}

func (p *Plane) listAliases(_ context.Context, in *ListAliasesRequest) (*ListAliasesResponse, error) {
	var c constraints
	c.matches("functionVersion", in.FunctionVersion, matchVersion, patternVersion)
	c.page(maxListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	f, _, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	all := []*Alias{}
	for _, name := range slices.Sorted(maps.Keys(f.Aliases)) {
		a := f.Aliases[name]
		if in.FunctionVersion == nil || slices.Contains(f.aliasesOf(*in.FunctionVersion), name) {
			all = append(all, a)
		}
	}
	page, next, err := pageOf(all, func(a *Alias) string { return a.AliasArn }, in.Marker, in.MaxItems, 50)
	return &ListAliasesResponse{page, next}, err
}
