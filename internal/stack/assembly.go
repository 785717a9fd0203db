package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// unit is one CloudFormation stack of those that are deployed together.
type unit struct {
	name       string
	file       string // the template, absolute
	folder     string // what assets and local paths in the template are relative to
	parameters map[string]string
	assets     map[string]asset // by the key of the object that the asset would be in S3
	files      []string         // what was read, for whoever watches it

	document *cfn.Document
	template *cfn.Template
	nested   map[string]*unit // the stacks within it, by logical id
}

// asset is a file or folder that is put into S3 before a stack is deployed.
type asset struct {
	path string // absolute
	zip  bool   // packed on the way
}

// The limits of what is read of an assembly.
const (
	maxTemplateFile = 4 << 20 // of a file that is said to be a template, before its quota is checked
	maxManifestFile = 64 << 20
	maxStacks       = 200
	maxAssemblies   = 50 // assemblies within assemblies
)

// The names of the templates that are looked for in a folder without a manifest, in the order in which the tools that make them do.
var templateNames = []string{"template.yaml", "template.yml", "template.json"}

// FindTemplate returns what to run in a folder: its cloud assembly, or the only template of one of the usual names. It fails with
// [fs.ErrNotExist] if there is neither.
func FindTemplate(folder string) (string, error) {
	for _, name := range append([]string{filepath.Join("cdk.out", "manifest.json"), "manifest.json"}, templateNames...) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s has no cdk.out, no manifest.json and no template.yaml: %w", folder, fs.ErrNotExist)
}

// readUnits reads and resolves all stacks of what cfg.Template names: a template, a cloud assembly's manifest or folder, or a folder with
// templates. They come in an order in which each follows those whose exports it imports.
func readUnits(cfg *Config) ([]*unit, error) {
	if cfg.Template == "" {
		return nil, nil
	}
	units, err := findUnits(cfg.Template)
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		if err := u.read(cfg.Project); err != nil {
			return nil, err
		}
	}
	if len(units) > 1 {
		units = slices.DeleteFunc(units, func(u *unit) bool { return u.document.Empty() })
	}
	return resolveUnits(cfg, units, nil)
}

// read reads the unit's template.
func (u *unit) read(project string) error {
	text, err := readFile(u.file, maxTemplateFile)
	if err != nil {
		return fmt.Errorf("read the template: %w", err)
	}
	u.document, err = cfn.Read(shownPath(project, u.file), text)
	return err
}

// shownPath is a path as it stands in messages.
func shownPath(project, path string) string {
	if relative, err := filepath.Rel(project, path); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}

func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, err
}

func findUnits(path string) ([]*unit, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	if info.IsDir() {
		found, err := FindTemplate(path)
		if err == nil {
			return findUnits(found)
		}
		return unitsOfFolder(path)
	}
	if filepath.Base(path) == "manifest.json" {
		a := assembly{}
		if err := a.read(filepath.Dir(path), 0); err != nil {
			return nil, err
		}
		if len(a.units) == 0 {
			return nil, fmt.Errorf("the cloud assembly %s has no stacks", path)
		}
		return a.units, nil
	}
	u := &unit{name: stackName(path), file: path, folder: filepath.Dir(path), files: []string{path}}
	if base, ok := strings.CutSuffix(path, ".template.json"); ok {
		if err := u.readAssets(base + ".assets.json"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return []*unit{u}, nil
}

// unitsOfFolder takes every *.template.* of a folder for a stack.
func unitsOfFolder(folder string) ([]*unit, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var units []*unit
	for _, entry := range entries {
		name := entry.Name()
		if !strings.Contains(name, ".template.") || entry.IsDir() {
			continue
		}
		found, err := findUnits(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		units = append(units, found...)
	}
	if len(units) == 0 || len(units) > maxStacks {
		return nil, fmt.Errorf("the folder %s has %d templates (manifest.json, template.yaml or *.template.json); 1 to %d can be run", folder, len(units), maxStacks)
	}
	return units, nil
}

// assembly is a cloud assembly, the folder that a CDK app writes (cloud-assembly-schema of aws/aws-cdk).
type assembly struct {
	units []*unit
	seen  int
}

// manifest is what is read of an assembly's manifest.json.
type manifest struct {
	Artifacts map[string]artifact `json:"artifacts"`
}

type artifact struct {
	Type         string   `json:"type"`
	Environment  string   `json:"environment"`
	Dependencies []string `json:"dependencies"`
	Properties   struct {
		TemplateFile  string            `json:"templateFile"`
		StackName     string            `json:"stackName"`
		Parameters    map[string]string `json:"parameters"`
		File          string            `json:"file"`
		DirectoryName string            `json:"directoryName"`
	} `json:"properties"`
}

// The types of artifacts that are looked at. Others, such as the tree, describe.
const (
	artifactStack    = "aws:cloudformation:stack" // a template
	artifactAssets   = "cdk:asset-manifest"       // where assets lie
	artifactAssembly = "cdk:cloud-assembly"       // another assembly: a stage
)

// read adds the stacks of the assembly in a folder, each after those that it depends on.
func (a *assembly) read(folder string, depth int) error {
	file := filepath.Join(folder, "manifest.json")
	if a.seen++; a.seen > maxAssemblies || depth > 10 {
		return fmt.Errorf("%s: there are more than %d assemblies within one another", file, maxAssemblies)
	}
	text, err := readFile(file, maxManifestFile)
	if err != nil {
		return fmt.Errorf("read the cloud assembly: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s is no manifest of a cloud assembly: %w", file, err)
	}
	var ids []string
	for id := range m.Artifacts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	done := map[string]bool{}
	var visit func(id string) error
	visit = func(id string) error {
		if done[id] {
			return nil
		}
		done[id] = true
		artifact := m.Artifacts[id]
		for _, need := range artifact.Dependencies {
			if _, ok := m.Artifacts[need]; ok {
				if err := visit(need); err != nil {
					return err
				}
			}
		}
		switch artifact.Type {
		case artifactStack:
			return a.stack(folder, file, id, artifact, m)
		case artifactAssembly:
			below, err := within(folder, artifact.Properties.DirectoryName)
			if err != nil {
				return fmt.Errorf("%s: artifact %s: %w", file, id, err)
			}
			return a.read(below, depth+1)
		}
		return nil
	}
	for _, id := range ids {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) stack(folder, file, id string, artifact artifact, m manifest) error {
	if len(a.units) >= maxStacks {
		return fmt.Errorf("%s has more than %d stacks", file, maxStacks)
	}
	template, err := within(folder, artifact.Properties.TemplateFile)
	if err != nil {
		return fmt.Errorf("%s: artifact %s: %w", file, id, err)
	}
	u := &unit{name: artifact.Properties.StackName, file: template, folder: folder, parameters: artifact.Properties.Parameters, files: []string{file, template}}
	if u.name == "" {
		u.name = stackName(template)
	}
	for _, need := range artifact.Dependencies {
		if assets := m.Artifacts[need]; assets.Type == artifactAssets {
			path, err := within(folder, assets.Properties.File)
			if err == nil {
				err = u.readAssets(path)
			}
			if err != nil {
				return fmt.Errorf("%s: artifact %s: %w", file, need, err)
			}
		}
	}
	a.units = append(a.units, u)
	return nil
}

// assetManifest is what is read of a *.assets.json.
type assetManifest struct {
	Files map[string]struct {
		Source struct {
			Path      string `json:"path"`
			Packaging string `json:"packaging"`
		} `json:"source"`
		Destinations map[string]struct {
			ObjectKey string `json:"objectKey"`
		} `json:"destinations"`
	} `json:"files"`
}

// readAssets reads where the unit's assets lie.
func (u *unit) readAssets(file string) error {
	text, err := readFile(file, maxManifestFile)
	if err != nil {
		return err
	}
	var m assetManifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s is no manifest of assets: %w", file, err)
	}
	if u.assets == nil {
		u.assets = map[string]asset{}
	}
	for _, f := range m.Files {
		if f.Source.Path == "" {
			continue // made by a program, as its executable member says
		}
		path := filepath.Join(filepath.Dir(file), f.Source.Path)
		for _, d := range f.Destinations {
			u.assets[d.ObjectKey] = asset{path: path, zip: f.Source.Packaging == "zip"}
		}
	}
	u.files = append(u.files, file)
	return nil
}

// resolveUnits resolves the templates, with the numbers of functions' versions by the functions' names. Where one imports what another exports,
// it waits for that one.
func resolveUnits(cfg *Config, units []*unit, versions map[string]string) ([]*unit, error) {
	res := resolution{cfg: cfg, versions: versions, exports: map[string]string{}, exporters: map[string]string{}, stored: map[string]string{}, outputs: map[[2]string]string{}}
	var ordered []*unit
	for pending := units; len(pending) > 0; {
		var waiting []*unit
		var faults []error
		for _, u := range pending {
			res.missing = false
			if err := res.resolve(u, u.given(cfg.Parameters), 0); err != nil {
				faults = append(faults, err)
				if res.missing {
					waiting = append(waiting, u)
					continue
				}
				return nil, errors.Join(faults...)
			}
			ordered = append(ordered, u)
			for _, u := range withNested([]*unit{u}) {
				if err := res.publish(u); err != nil {
					return nil, err
				}
			}
		}
		if len(waiting) == len(pending) {
			return nil, errors.Join(faults...)
		}
		pending = waiting
	}
	return ordered, nil
}

// resolution is what the stacks that have been resolved have for those that follow.
type resolution struct {
	cfg       *Config
	versions  map[string]string    // of functions, by their names
	exports   map[string]string    // by name
	exporters map[string]string    // the stacks that they are of
	stored    map[string]string    // of the parameter store, by name
	outputs   map[[2]string]string // by stack and logical id
	missing   bool                 // an export or output was asked for that there is not yet
}

// maxNesting is how deep stacks may stand within one another.
const maxNesting = 10

// resolve resolves a unit's template, and those of the stacks within it.
func (res *resolution) resolve(u *unit, parameters map[string]string, depth int) error {
	template, err := cfn.Resolve(u.document, cfn.Input{
		StackName: u.name, Place: res.cfg.Place, Parameters: parameters, FunctionVersions: res.versions,
		Export: func(name string) (string, bool) {
			if given, ok := res.cfg.Resolve["export:"+name]; ok {
				return given, true
			}
			text, ok := res.exports[name]
			res.missing = res.missing || !ok
			return text, ok
		},
		StackOutput: func(stack, output string) (string, bool) {
			if given, ok := res.cfg.Resolve["output:"+stack+":"+output]; ok {
				return given, true
			}
			text, ok := res.outputs[[2]string{stack, output}]
			res.missing = res.missing || !ok
			return text, ok
		},
		Include:         func(location string) (string, []byte, error) { return u.include(res.cfg.Project, location) },
		Nested:          func(stack cfn.NestedStack) (*cfn.Template, error) { return res.nested(u, stack, depth+1) },
		StoredParameter: res.parameter,
		Dynamic: func(reference string) (string, bool) {
			if text, ok := res.cfg.Resolve[reference]; ok {
				return text, true
			}
			name, isParameter := strings.CutPrefix(reference, "ssm:")
			name, _, _ = strings.Cut(name, ":") // the version
			if !isParameter {
				return "", false
			}
			return res.parameter(name)
		},
	})
	if err != nil {
		return err
	}
	u.template = template
	return nil
}

// parameter is what the parameter store has: what was given, and the parameters of stacks that have been resolved.
func (res *resolution) parameter(name string) (string, bool) {
	if text, ok := res.cfg.Resolve["ssm:"+name]; ok {
		return text, true
	}
	text, ok := res.stored[name]
	return text, ok
}

// nested resolves a stack within another one. One whose template is elsewhere is not run.
func (res *resolution) nested(u *unit, stack cfn.NestedStack, depth int) (*cfn.Template, error) {
	file, err := u.nestedTemplate(res.cfg.Project, stack)
	if file == "" || err != nil {
		return nil, err
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("stacks stand within one another more than %d deep", maxNesting)
	}
	child := u.nested[stack.LogicalID]
	if child == nil || child.file != file {
		child = &unit{file: file, folder: filepath.Dir(file), assets: u.assets, files: []string{file}}
		if err := child.read(res.cfg.Project); err != nil {
			return nil, err
		}
		if u.nested == nil {
			u.nested = map[string]*unit{}
		}
		u.nested[stack.LogicalID] = child
	}
	child.name = stack.StackName
	if err := res.resolve(child, stack.Parameters, depth); err != nil {
		return nil, err
	}
	return child.template, nil
}

// publish makes known what a resolved stack has for those that follow.
func (res *resolution) publish(u *unit) error {
	for _, out := range u.template.Outputs {
		res.outputs[[2]string{u.name, out.LogicalID}] = out.Value
		if out.Export == "" {
			continue
		}
		if other, twice := res.exporters[out.Export]; twice {
			return fmt.Errorf("%s: Export with name %s is already exported by stack %s", u.template.File, out.Export, other)
		}
		res.exports[out.Export], res.exporters[out.Export] = out.Value, u.name
	}
	for _, parameter := range u.template.OfType("AWS::SSM::Parameter") {
		res.stored[parameter.Name] = parameter.Read().String("Value")
	}
	return nil
}

// withNested returns the units, each followed by those within it.
func withNested(units []*unit) []*unit {
	var all []*unit
	for _, u := range units {
		all = append(all, u)
		for _, r := range u.template.Resources {
			if r.Nested != nil {
				all = append(all, withNested([]*unit{u.nested[r.LogicalID]})...)
			}
		}
	}
	return all
}

// nestedTemplate is the file of a nested stack's template: an asset, or a path beside the template; "" if it is elsewhere.
func (u *unit) nestedTemplate(project string, stack cfn.NestedStack) (string, error) {
	if path, ok := assetPath(stack.Metadata, "TemplateURL"); ok {
		return u.assetFile(project, path)
	}
	url := stack.TemplateURL
	if a, ok := u.assets[url[strings.LastIndexByte(url, '/')+1:]]; ok {
		return u.inside(project, a.path)
	}
	if url == "" || strings.Contains(url, "://") {
		return "", nil
	}
	path, err := u.localPath(project, url)
	if err != nil {
		return "", fmt.Errorf("its template: %w", err)
	}
	return path, nil
}

// include reads a file that the template includes.
func (u *unit) include(project, location string) (string, []byte, error) {
	path, err := "", error(nil)
	if a, ok := u.assets[location[strings.LastIndexByte(location, '/')+1:]]; ok {
		path, err = u.inside(project, a.path)
	} else if strings.Contains(location, "://") {
		err = fmt.Errorf("%s is not on this computer; give a path beside the template", location)
	} else {
		path, err = u.localPath(project, location)
	}
	if err != nil {
		return "", nil, err
	}
	if !slices.Contains(u.files, path) {
		u.files = append(u.files, path)
	}
	text, err := readFile(path, maxTemplateFile)
	return shownPath(project, path), text, err
}

// assetParameter matches the parameters by which CDK's first version says where an asset lies. Its CLI gives them values.
var assetParameter = regexp.MustCompile(`^AssetParameters([0-9a-f]{64})(S3Bucket|S3VersionKey|ArtifactHash)[0-9A-F]{8}$`)

// given are the parameters that the template has, of those that were given; all of them where there is no other template to have them.
func (u *unit) given(all map[string]string) map[string]string {
	given := map[string]string{}
	for name, text := range u.parameters {
		given[name] = text
	}
	declared := u.document.Parameters()
	for _, name := range declared {
		if m := assetParameter.FindStringSubmatch(name); m != nil {
			given[name] = map[string]string{"S3Bucket": "cdk-assets", "S3VersionKey": "assets/||" + m[1], "ArtifactHash": m[1]}[m[2]]
		}
	}
	for name, text := range all {
		if slices.Contains(declared, name) {
			given[name] = text
		}
	}
	return given
}

// placeOf returns where the stacks of an assembly say that they are, if they all say the same.
func placeOf(path string, fallback sfn.Place) sfn.Place {
	if path == "" {
		return fallback
	}
	file := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if file, err = FindTemplate(path); err != nil {
			return fallback
		}
	}
	if filepath.Base(file) != "manifest.json" {
		return fallback
	}
	text, err := readFile(file, maxManifestFile)
	if err != nil {
		return fallback
	}
	var m manifest
	if json.Unmarshal(text, &m) != nil {
		return fallback
	}
	found := sfn.Place{}
	for _, a := range m.Artifacts {
		if a.Type != artifactStack {
			continue
		}
		account, region, ok := strings.Cut(strings.TrimPrefix(a.Environment, "aws://"), "/")
		if !ok || account == "unknown-account" || region == "unknown-region" {
			return fallback
		}
		place := sfn.Place{Partition: fallback.Partition, Region: region, Account: account}
		if found != (sfn.Place{}) && found != place {
			return fallback
		}
		found = place
	}
	if found == (sfn.Place{}) {
		return fallback
	}
	return found
}

// commonNames are templates' names that say nothing of the stack.
var commonNames = []string{"template", "packaged", "stack", "cloudformation", "main", "sam", "serverless"}

// stackName is the template file's name as a stack may be called: EndpointWatch for EndpointWatch.template.json. A template that is called
// template gives its folder's name.
func stackName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	if slices.Contains(commonNames, strings.ToLower(name)) {
		name = filepath.Base(filepath.Dir(file))
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, name)
	if clean = strings.Trim(clean, "-0123456789"); clean == "" {
		return "tutti"
	}
	return clean[:min(len(clean), 128)]
}

// within returns the path below root that a relative path names, refusing one that leaves it.
func within(root, relative string) (string, error) {
	if !filepath.IsLocal(relative) {
		return "", fmt.Errorf("the path %q leaves the project's folder", relative)
	}
	path := filepath.Join(root, relative)
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return path, nil
}

// elsewhereError says that something lies in a bucket of an account.
type elsewhereError struct{ bucket, key string }

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("s3://%s/%s is in a bucket, and no asset of the stack is put there", e.bucket, e.key)
}

// located is where a resource's code or definition lies: a file or folder. The error says where the template speaks of it.
func (u *unit) located(project string, r *cfn.Resource, property string, v value.Value, bucket, key string) (string, error) {
	path, err := u.locate(project, r, property, v, bucket, key)
	if err != nil {
		return "", fmt.Errorf("%s: %w", r.Read().Place(property), err)
	}
	return path, nil
}

func (u *unit) locate(project string, r *cfn.Resource, property string, v value.Value, bucket, key string) (string, error) {
	if source := metadata(r, sourceMetadata); source != "" {
		path, err := within(project, source)
		if err != nil {
			return "", fmt.Errorf("metadata %s: %w", sourceMetadata, err)
		}
		return path, nil
	}
	if path, ok := assetPath(r.Metadata, property); ok {
		return u.assetFile(project, path)
	}
	switch v := v.(type) {
	case value.String: // a path, as `aws cloudformation package` and the SAM CLI take it
		return u.localPath(project, string(v))
	case *value.Object:
		objectKey, _ := v.Get(key)
		text, _ := objectKey.(value.String)
		if a, ok := u.assets[string(text)]; ok {
			return u.inside(project, a.path)
		}
		bucketName, _ := v.Get(bucket)
		name, _ := bucketName.(value.String)
		return "", &elsewhereError{string(name), string(text)}
	}
	return "", fmt.Errorf("the template does not say where the code lies (%s)", property)
}

// assetPath is where CDK's metadata says that the asset lies which a property stands for.
func assetPath(metadata *value.Object, property string) (string, bool) {
	if value.TextAt(metadata, "aws:asset:property") != property {
		return "", false
	}
	path := value.TextAt(metadata, "aws:asset:path")
	return path, path != ""
}

// assetFile is the file or folder of an asset.
func (u *unit) assetFile(project, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(u.folder, path)
	}
	return u.inside(project, path)
}

// localPath is a path in a template: relative to it, and within the project.
func (u *unit) localPath(project, path string) (string, error) {
	if filepath.IsAbs(path) {
		return "", fmt.Errorf("the path %q is absolute; give one relative to the template", path)
	}
	return u.inside(project, filepath.Join(u.folder, filepath.FromSlash(path)))
}

// inside returns the path if it exists and lies within the project or the template's folder.
func (u *unit) inside(project, path string) (string, error) {
	local := func(root string) bool {
		relative, err := filepath.Rel(root, path)
		return err == nil && filepath.IsLocal(relative)
	}
	if !local(project) && !local(u.folder) {
		return "", fmt.Errorf("the path %q leaves the project's folder %s", path, project)
	}
	_, err := os.Stat(path)
	return path, err
}
