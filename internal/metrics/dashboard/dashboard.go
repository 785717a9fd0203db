// Package dashboard keeps the dashboards of Amazon CloudWatch: named texts that say which metrics are to be drawn. Nothing draws them here; they
// are checked, kept and given back.
package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// The exceptions of the API that are raised here, by the names of their shapes.
const (
	NotFound     sfn.ExceptionName = "DashboardNotFoundError"     // no such dashboard
	InvalidInput sfn.ExceptionName = "DashboardInvalidInputError" // the name or body is none
)

// Journal is where dashboards are kept.
type Journal interface {
	// Documents yields the documents of a collection whose keys begin with prefix, by key in ascending order.
	Documents(collection, prefix string) iter.Seq2[metrics.Document, error]
	// Change makes the changes, all or none, and returns when they are on disk.
	Change(changes []metrics.Change) error
}

// Dashboard is a dashboard.
type Dashboard struct {
	Name     string    `json:"name"`
	Body     string    `json:"body"` // JSON
	Modified time.Time `json:"modified"`
	// Deployed tells whether it belongs to a template.
	Deployed bool `json:"deployed,omitempty"`
}

// Dashboards keeps dashboards. All methods may be called by any goroutine.
type Dashboards struct {
	journal Journal
	clock   *clock.Clock
	place   sfn.Place
}

// New returns the dashboards of a journal. A nil clock is the computer's.
func New(journal Journal, c *clock.Clock, place sfn.Place) *Dashboards {
	if c == nil {
		c = clock.Real()
	}
	return &Dashboards{journal, c, place}
}

const collection = "dashboards"

// ARN is that of the dashboard name. Dashboards have no region.
func (d *Dashboards) ARN(name string) string {
	return sfn.ARN{Partition: d.place.Partition, Service: "cloudwatch", Account: d.place.Account, Resource: "dashboard/" + name}.String()
}

// Limits of dashboards (CloudWatch quotas), and of a body, which AWS does not state.
const (
	maxWidgets = 500
	maxBody    = 1 << 20
)

var dashboardName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// widgetTypes are those that a body may have (API reference, "Dashboard Body Structure and Syntax").
var widgetTypes = map[string]bool{"metric": true, "text": true, "log": true, "alarm": true, "explorer": true, "custom": true}

// Problem is what is wrong with a body, and where.
type Problem struct{ Path, Message string }

// Check says what is wrong with a dashboard. Problems that are no fault are told beside a nil error. The error is the exception
// DashboardInvalidInputError.
func Check(name, body string) ([]Problem, error) {
	if !dashboardName.MatchString(name) {
		return nil, sfn.Refuse(InvalidInput, "The value %s for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).", name)
	}
	refuse := func(p Problem) ([]Problem, error) {
		return []Problem{p}, sfn.Refuse(InvalidInput, "The field DashboardBody must be a valid JSON object: %s %s", p.Path, p.Message)
	}
	if len(body) > maxBody {
		return refuse(Problem{"/", fmt.Sprintf("is larger than %d bytes.", maxBody)})
	}
	v, err := value.Parse(body)
	o, ok := v.(*value.Object)
	if err != nil || !ok {
		return refuse(Problem{"/", "is not a JSON object."})
	}
	list, ok := o.Get("widgets")
	if !ok {
		return []Problem{{"/widgets", "There are no widgets."}}, nil
	}
	widgets, ok := list.(value.Array)
	if !ok {
		return refuse(Problem{"/widgets", "Should be array"})
	}
	if len(widgets) > maxWidgets {
		return refuse(Problem{"/widgets", fmt.Sprintf("Should NOT have more than %d items", maxWidgets)})
	}
	for i, w := range widgets {
		at := fmt.Sprintf("/widgets/%d", i)
		widget, ok := w.(*value.Object)
		if !ok {
			return refuse(Problem{at, "Should be object"})
		}
		kind, _ := widget.Get("type")
		if text, _ := kind.(value.String); !widgetTypes[string(text)] {
			return refuse(Problem{at + "/type", "Should be equal to one of the allowed values"})
		}
		if p, _ := widget.Get("properties"); p == nil || p.Kind() != value.KindObject {
			return refuse(Problem{at, "Should have required property 'properties'"})
		}
	}
	return nil, nil
}

// Put creates a dashboard or replaces the one of its name. The error may be DashboardInvalidInputError.
func (d *Dashboards) Put(n Dashboard) ([]Problem, error) {
	problems, err := Check(n.Name, n.Body)
	if err != nil {
		return problems, err
	}
	if before, err := d.Get(n.Name); err == nil && before.Body == n.Body && before.Deployed == n.Deployed {
		return problems, nil
	}
	n.Modified = d.clock.Now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	return problems, d.journal.Change([]metrics.Change{{Collection: collection, Key: n.Name, Value: text}})
}

// Get returns one dashboard. The error may be DashboardNotFoundError.
func (d *Dashboards) Get(name string) (Dashboard, error) {
	list, err := d.List(name)
	if err != nil {
		return Dashboard{}, err
	}
	if len(list) > 0 && list[0].Name == name { // those of which it is a prefix come behind
		return list[0], nil
	}
	return Dashboard{}, noDashboard(name)
}

func noDashboard(name string) error {
	return sfn.Refuse(NotFound, "Dashboard %s does not exist", name)
}

// List returns the dashboards whose names begin with prefix, by name.
func (d *Dashboards) List(prefix string) ([]Dashboard, error) {
	var list []Dashboard
	for doc, err := range d.journal.Documents(collection, prefix) {
		var one Dashboard
		if err = errors.Join(err, json.Unmarshal(doc.Value, &one)); err != nil {
			return nil, fmt.Errorf("read the dashboards: %w", err)
		}
		list = append(list, one)
	}
	return list, nil
}

// Delete deletes dashboards, all or, if there is one that is not, none. The error may be DashboardNotFoundError.
func (d *Dashboards) Delete(names ...string) error {
	var missing []string
	changes := make([]metrics.Change, 0, len(names))
	for _, name := range names {
		if _, err := d.Get(name); err != nil {
			missing = append(missing, name)
		}
		changes = append(changes, metrics.Change{Collection: collection, Key: name})
	}
	if len(missing) > 0 {
		return noDashboard(strings.Join(missing, ", "))
	}
	return d.journal.Change(changes)
}
