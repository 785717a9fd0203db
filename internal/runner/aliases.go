package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// Route sends a part of the executions that are started by an alias to a version.
type Route struct {
	VersionARN string `json:"stateMachineVersionArn"`
	Weight     int    `json:"weight"` // per cent
}

// Alias is a name for one version of a machine, or for two between which executions are divided.
type Alias struct {
	ARN         string    `json:"arn"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Routes      []Route   `json:"routes"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
}

func (a *Alias) leadsTo(version string) bool {
	return slices.ContainsFunc(a.Routes, func(r Route) bool { return r.VersionARN == version })
}

// choose is the version that a number below 100 falls to.
func (a *Alias) choose(n int) string {
	for _, route := range a.Routes {
		if n < route.Weight {
			return route.VersionARN
		}
		n -= route.Weight
	}
	return ""
}

func aliasKey(machine, name string) string { return within(machine) + name }

// noResource refuses what needs an alias or a version that is not there.
func noResource() error {
	return sfn.Refuse(sfn.ResourceNotFound, "Request references a resource that does not exist.")
}

// alias returns an alias, or store.ErrNotFound.
func (r *Runner) alias(arn sfn.MachineARN) (Alias, error) {
	var a Alias
	return a, r.document(aliases, aliasKey(arn.Unqualified(), arn.Qualifier), &a)
}

// Alias returns an alias. The error may be the exception ResourceNotFound.
func (r *Runner) Alias(arn sfn.MachineARN) (Alias, error) {
	a, err := r.alias(arn)
	if errors.Is(err, store.ErrNotFound) {
		return a, noResource()
	}
	return a, err
}

// Aliases lists the aliases of a machine by name.
func (r *Runner) Aliases(machine string) ([]Alias, error) {
	var list []Alias
	for d, err := range r.store.Documents(aliases, within(machine), "") {
		if err != nil {
			return nil, err
		}
		var a Alias
		if err := json.Unmarshal(d.Value, &a); err != nil {
			return nil, fmt.Errorf("alias of %s: %w", machine, err)
		}
		list = append(list, a)
	}
	return list, nil
}

// AliasesOf lists the aliases of a machine, or those that lead to a version, by name. The error may be the exception StateMachineDoesNotExist,
// StateMachineDeleting or ResourceNotFound.
func (r *Runner) AliasesOf(arn sfn.MachineARN) ([]Alias, error) {
	current, err := r.current(arn.Unqualified())
	switch {
	case err != nil:
		return nil, err
	case current.Deleting:
		return nil, machineDeleting(arn.Unqualified())
	}
	list, err := r.Aliases(arn.Unqualified())
	if err != nil || arn.Qualifier == "" {
		return list, err
	}
	v, err := r.version(arn)
	if isMissing(err) {
		return nil, noResource()
	}
	return slices.DeleteFunc(list, func(a Alias) bool { return !a.leadsTo(v.ARN) }), err
}

// checkRoutes finds the machine whose versions the routes lead to. The error is the exception ValidationException.
func checkRoutes(routes []Route) (machine sfn.MachineARN, err error) {
	arns, weights, sum := []string{}, []string{}, 0
	for _, route := range routes {
		arns, weights = append(arns, route.VersionARN), append(weights, strconv.Itoa(route.Weight))
		sum += route.Weight
	}
	received := strings.Join(arns, ", ")
	for i, arn := range arns {
		version, err := sfn.ParseMachineARN(arn)
		if err != nil || version.Label != "" || versionNumber(version) == 0 {
			return machine, sfn.Refuse(sfn.ValidationException, "Routing configuration must contain state machine version ARNs. Received: [%s]", received)
		}
		if i > 0 && version.Unqualified() != machine.Unqualified() {
			return machine, sfn.Refuse(sfn.ValidationException, "Routing configuration must contain versions of one state machine. Received: [%s]", received)
		}
		machine = version
	}
	switch {
	case len(arns) == 2 && arns[0] == arns[1]:
		return machine, sfn.Refuse(sfn.ValidationException, "Routing configuration must contain distinct state machine version ARNs. Received: [%s]", received)
	case sum != 100:
		return machine, sfn.Refuse(sfn.ValidationException, "Sum of routing configuration weights must equal 100. Received: [%s]", strings.Join(weights, ", "))
	}
	machine.Qualifier = ""
	return machine, nil
}

// findRoutes refuses routes to what is not there. machines.change is held.
func (r *Runner) findRoutes(machine string, routes []Route) error {
	current, err := r.current(machine)
	switch {
	case isMissing(err):
		return noResource()
	case err != nil:
		return err
	case current.Deleting:
		return machineDeleting(machine)
	}
	for _, route := range routes {
		arn, err := sfn.ParseMachineARN(route.VersionARN)
		if err != nil {
			return err
		}
		_, err = r.version(arn)
		if isMissing(err) {
			return noResource()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CreateAlias creates an alias of the machine whose versions the routes lead to. Creating it again with all the same answers as the first
// time. The error may be the exception ValidationException, ResourceNotFound, StateMachineDeleting, ConflictException or
// ServiceQuotaExceededException.
func (r *Runner) CreateAlias(name, description string, routes []Route) (Alias, error) {
	machine, err := checkRoutes(routes)
	if err != nil {
		return Alias{}, err
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	if err := r.findRoutes(machine.Unqualified(), routes); err != nil {
		return Alias{}, err
	}
	list, err := r.Aliases(machine.Unqualified())
	if err != nil {
		return Alias{}, err
	}
	if i := slices.IndexFunc(list, func(a Alias) bool { return a.Name == name }); i >= 0 {
		if list[i].Description != description || !slices.Equal(list[i].Routes, routes) {
			return Alias{}, sfn.Refuse(sfn.ConflictException,
				"Failed to create alias because an alias with the same name and a different routing configuration already exists.")
		}
		return list[i], nil
	}
	if len(list) >= sfn.MaxAliases {
		return Alias{}, sfn.Refuse(sfn.ServiceQuotaExceeded, "The state machine %s has %d aliases, and may have no more.",
			machine.Unqualified(), sfn.MaxAliases)
	}
	now := r.now().UTC()
	a := Alias{ARN: machine.Unqualified() + ":" + name, Name: name, Description: description, Routes: routes, Created: now, Updated: now}
	return a, r.putAlias(machine.Unqualified(), a)
}

func (r *Runner) putAlias(machine string, a Alias) error {
	batch := r.store.NewBatch()
	if err := putDocument(batch, aliases, aliasKey(machine, a.Name), a); err != nil {
		return err
	}
	return r.store.Commit(batch)
}

// UpdateAlias changes what of the description and the routes is given, nil routes not being given. The error may be the exception
// ValidationException, ResourceNotFound or StateMachineDeleting.
func (r *Runner) UpdateAlias(arn sfn.MachineARN, description sfn.OptString, routes []Route) (Alias, error) {
	if !description.Set && routes == nil {
		missing := sfn.Refuse(sfn.ValidationException, "Either the description or the routing configuration must be specified")
		missing.Reason = sfn.ReasonMissing
		return Alias{}, missing
	}
	if routes != nil {
		machine, err := checkRoutes(routes)
		if err != nil {
			return Alias{}, err
		}
		if machine.Unqualified() != arn.Unqualified() {
			return Alias{}, sfn.Refuse(sfn.ValidationException, "Routing configuration must contain versions of the alias's state machine. Received: [%s]",
				routes[0].VersionARN)
		}
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	a, err := r.Alias(arn)
	if err != nil {
		return a, err
	}
	if err := r.findRoutes(arn.Unqualified(), routes); err != nil {
		return a, err
	}
	if description.Set {
		a.Description = description.Text
	}
	if routes != nil {
		a.Routes = routes
	}
	a.Updated = r.now().UTC()
	return a, r.putAlias(arn.Unqualified(), a)
}

// DeleteAlias deletes an alias. Executions that it started go on; deleting one that is not there is no error.
func (r *Runner) DeleteAlias(arn sfn.MachineARN) error {
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	batch := r.store.NewBatch()
	batch.DeleteDocument(aliases, aliasKey(arn.Unqualified(), arn.Qualifier))
	return r.store.Commit(batch)
}
