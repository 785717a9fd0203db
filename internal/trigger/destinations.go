package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// The collections of documents.
const (
	collectionConnections  = "event-connections"
	collectionDestinations = "event-api-destinations"
)

// Quotas (EventBridge quotas).
const (
	maxConnections  = 3000
	maxDestinations = 3000
)

// The states of connections and API destinations that occur here.
const (
	Authorized   = "AUTHORIZED"
	Deauthorized = "DEAUTHORIZED"
	Active       = "ACTIVE"
	Inactive     = "INACTIVE" // the connection is gone, or not authorized
)

// Connection is what requests to an API are authorized with. It never changes once it is stored; it is replaced.
type Connection struct {
	Name        string `json:"name"`
	ID          string `json:"id"` // the end of its ARN
	Description string `json:"description,omitempty"`
	// Authorization is BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS.
	Authorization string `json:"authorizationType"`
	// Parameters are AuthParameters as they were given, with all secrets: there is no Secrets Manager here.
	Parameters json.RawMessage `json:"authParameters"`
	State      string          `json:"state"`
	Created    time.Time       `json:"created"`
	Modified   time.Time       `json:"modified"`
	Authorized time.Time       `json:"authorized,omitzero"`
	// Template tells that a template has the connection.
	Template bool `json:"template,omitempty"`
}

// Destination is an API destination: an HTTP endpoint that rules send events to.
type Destination struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	// Connection is the ARN of the connection.
	Connection string `json:"connection"`
	Endpoint   string `json:"endpoint"`
	Method     string `json:"method"`
	// Rate is how many requests a second are sent at most.
	Rate     int       `json:"rate"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	Template bool      `json:"template,omitempty"`
}

// UsualRate is the rate of an API destination that says none (API reference, CreateApiDestination).
const UsualRate = 300

// Destinations keeps the connections and API destinations of EventBridge. All methods may be called by any goroutine.
type Destinations struct {
	store *store.Store
	place sfn.Place
	clock *clock.Clock

	mu           sync.Mutex // held over commits
	connections  map[string]*Connection
	destinations map[string]*Destination
}

func newDestinations(cfg *EventsConfig) (*Destinations, error) {
	d := &Destinations{store: cfg.Store, place: cfg.Place, clock: cfg.Clock, connections: map[string]*Connection{}, destinations: map[string]*Destination{}}
	for document, err := range cfg.Store.Documents(collectionConnections, "", "") {
		c := new(Connection)
		if err = errors.Join(err, json.Unmarshal(document.Value, c)); err != nil {
			return nil, fmt.Errorf("read the connections: %w", err)
		}
		d.connections[c.Name] = c
	}
	for document, err := range cfg.Store.Documents(collectionDestinations, "", "") {
		one := new(Destination)
		if err = errors.Join(err, json.Unmarshal(document.Value, one)); err != nil {
			return nil, fmt.Errorf("read the API destinations: %w", err)
		}
		d.destinations[one.Name] = one
	}
	return d, nil
}

// Destinations are the connections and API destinations.
func (e *Events) Destinations() *Destinations { return e.destinations }

// ConnectionARN is the ARN of a connection.
func (d *Destinations) ConnectionARN(c *Connection) string {
	return d.arn("events", "connection/"+c.Name+"/"+c.ID)
}

// SecretARN is the ARN of the secret that AWS would keep for a connection.
func (d *Destinations) SecretARN(c *Connection) string {
	return d.arn("secretsmanager", "secret:events!connection/"+c.Name+"/"+c.ID)
}

// ARN is the ARN of an API destination.
func (d *Destinations) ARN(one *Destination) string {
	return d.arn("events", "api-destination/"+one.Name+"/"+one.ID)
}

func (d *Destinations) arn(service, resource string) string {
	return sfn.ARN{Partition: d.place.Partition, Service: service, Region: d.place.Region, Account: d.place.Account, Resource: resource}.String()
}

// named is the name in the ARN of a connection or an API destination; of what is no ARN, itself.
func named(arn string) string {
	a, err := sfn.ParseARN(arn)
	if err != nil {
		return arn
	}
	parts := strings.Split(a.Resource, "/")
	if len(parts) < 2 {
		return arn
	}
	return parts[1]
}

func noConnection(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Connection '%s' does not exist.", name)
}

func noDestination(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "An api-destination '%s' does not exist.", name)
}

// put stores a document and then lets done put it in place.
func (d *Destinations) put(collection, key string, v any, done func()) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b := d.store.NewBatch()
	if err := b.PutDocument(collection, key, text); err != nil {
		return err
	}
	if err := d.store.Commit(b); err != nil {
		return err
	}
	done()
	return nil
}

// PutConnection creates a connection, or lets change have its way with a copy of the one that is there. Without create, one must be there; without
// change, none may. The error may be ResourceNotFoundException, ResourceAlreadyExistsException, LimitExceededException or what change returns.
func (d *Destinations) PutConnection(name string, create *Connection, change func(*Connection) error) (Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, now := d.connections[name], d.clock.Now().UTC()
	var c Connection
	switch {
	case before == nil && create == nil:
		return c, noConnection(name)
	case before != nil && change == nil:
		return c, sfn.Refuse(ResourceAlreadyExistsException, "Connection %s already exists.", name)
	case before == nil && len(d.connections) >= maxConnections:
		return c, sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
	case before == nil:
		c = *create
		c.Name, c.Created, c.Authorized, c.State = name, now, now, Authorized
		if c.ID == "" {
			c.ID = uuid.NewString()
		}
	default:
		c = *before
		if err := change(&c); err != nil {
			return c, err
		}
	}
	c.Modified = now
	return c, d.put(collectionConnections, name, &c, func() { d.connections[name] = &c })
}

// Connection returns a connection by its name or ARN. The error may be ResourceNotFoundException.
func (d *Destinations) Connection(name string) (Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.connections[named(name)]
	if c == nil {
		return Connection{}, sfn.Refuse(ResourceNotFoundException, "Failed to describe the connection(s). Connection '%s' does not exist.", named(name))
	}
	return *c, nil
}

// Connections lists the connections whose names begin with prefix, by name.
func (d *Destinations) Connections(prefix string) (list []Connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.connections)) {
		if strings.HasPrefix(name, prefix) {
			list = append(list, *d.connections[name])
		}
	}
	return list
}

// DeleteConnection deletes a connection and returns what it was. The error may be ResourceNotFoundException.
func (d *Destinations) DeleteConnection(name string) (Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.connections[name]
	if c == nil {
		return Connection{}, noConnection(name)
	}
	b := d.store.NewBatch()
	b.DeleteDocument(collectionConnections, name)
	if err := d.store.Commit(b); err != nil {
		return *c, err
	}
	delete(d.connections, name)
	return *c, nil
}

// PutDestination does for API destinations what PutConnection does for connections. Its connection must be there.
func (d *Destinations) PutDestination(name string, create *Destination, change func(*Destination) error) (Destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, now := d.destinations[name], d.clock.Now().UTC()
	var one Destination
	switch {
	case before == nil && create == nil:
		return one, noDestination(name)
	case before != nil && change == nil:
		return one, sfn.Refuse(ResourceAlreadyExistsException, "An api-destination '%s' already exists.", name)
	case before == nil && len(d.destinations) >= maxDestinations:
		return one, sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
	case before == nil:
		one = *create
		one.Name, one.Created = name, now
		if one.ID == "" {
			one.ID = uuid.NewString()
		}
	default:
		one = *before
		if err := change(&one); err != nil {
			return one, err
		}
	}
	if d.connections[named(one.Connection)] == nil {
		return one, noConnection(named(one.Connection))
	}
	if one.Rate == 0 {
		one.Rate = UsualRate
	}
	one.Modified = now
	return one, d.put(collectionDestinations, name, &one, func() { d.destinations[name] = &one })
}

// Destination returns an API destination by its name or ARN. The error may be ResourceNotFoundException.
func (d *Destinations) Destination(name string) (Destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.destinations[named(name)]
	if one == nil {
		return Destination{}, sfn.Refuse(ResourceNotFoundException, "Failed to describe the api-destination(s). An api-destination '%s' does not exist.", named(name))
	}
	return *one, nil
}

// State is whether an API destination can be sent to.
func (d *Destinations) State(one *Destination) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.connections[named(one.Connection)]; c == nil || c.State != Authorized {
		return Inactive
	}
	return Active
}

// List lists the API destinations whose names begin with prefix, and with the connection unless that is "", by name.
func (d *Destinations) List(prefix, connection string) (list []Destination) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.destinations)) {
		if one := d.destinations[name]; strings.HasPrefix(name, prefix) && (connection == "" || named(one.Connection) == named(connection)) {
			list = append(list, *one)
		}
	}
	return list
}

// DeleteDestination deletes an API destination. The error may be ResourceNotFoundException.
func (d *Destinations) DeleteDestination(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.destinations[name] == nil {
		return noDestination(name)
	}
	b := d.store.NewBatch()
	b.DeleteDocument(collectionDestinations, name)
	if err := d.store.Commit(b); err != nil {
		return err
	}
	delete(d.destinations, name)
	return nil
}
