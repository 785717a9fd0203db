package stack

import (
	"context"
	"io"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/s3"
)

// functionDeployment is a template's function, all but its code.
func functionDeployment(r *cfn.Resource) (control.Deployment, error) {
	p := r.Read()
	text := func(b *cfn.Block, name string) *string {
		if !b.Has(name) {
			return nil
		}
		s := b.String(name)
		return &s
	}
	d := control.Deployment{Name: r.Name, Architectures: p.Strings("Architectures"), Reserved: number(p, "ReservedConcurrentExecutions")}
	d.Settings = control.Settings{
		Runtime: text(p, "Runtime"), Role: text(p, "Role"), Handler: text(p, "Handler"), Description: text(p, "Description"),
		Timeout: number(p, "Timeout"), MemorySize: number(p, "MemorySize"),
	}
	if p.Has("Environment") {
		variables := map[string]string{}
		own := p.Block("Environment").Block("Variables")
		for _, name := range own.Names() {
			variables[name] = own.String(name)
		}
		d.Settings.Environment = &control.Environment{Variables: variables}
	}
	if p.Has("LoggingConfig") {
		l := p.Block("LoggingConfig")
		d.Settings.LoggingConfig = &control.LoggingConfig{
			LogFormat: l.String("LogFormat"), LogGroup: l.String("LogGroup"),
			ApplicationLogLevel: l.String("ApplicationLogLevel"), SystemLogLevel: l.String("SystemLogLevel"),
		}
	}
	if p.Has("DeadLetterConfig") {
		target := p.Block("DeadLetterConfig").String("TargetArn")
		d.Settings.DeadLetterConfig = &control.DeadLetterConfig{TargetArn: &target}
	}
	if p.Has("TracingConfig") {
		d.Settings.TracingConfig = &control.TracingConfig{Mode: p.Block("TracingConfig").String("Mode")}
	}
	if p.Has("EphemeralStorage") {
		d.Settings.EphemeralStorage = &control.EphemeralStorage{Size: int(p.Block("EphemeralStorage").Int("Size", 512))}
	}
	if p.Has("Tags") {
		d.Tags = map[string]string{}
		for _, tag := range p.Blocks("Tags") {
			d.Tags[tag.String("Key")] = tag.String("Value")
		}
	}
	return d, p.Err()
}

// number is a property that may be absent.
func number(b *cfn.Block, name string) *int {
	if !b.Has(name) {
		return nil
	}
	n := int(b.Int(name, 0))
	return &n
}

// bucketCode lets functions have their code in a bucket.
type bucketCode struct{ objects *s3.Store }

// Open implements control.Objects.
func (c bucketCode) Open(_ context.Context, bucket, key, version string) (io.ReadCloser, error) {
	object, err := c.objects.Get(bucket, key, version)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{object.Reader(), object}, nil
}
