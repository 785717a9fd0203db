package scheduler

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// CreateGroup creates a group and returns its ARN. The error may be ConflictException, ServiceQuotaExceededException or ValidationException.
func (v *Service) CreateGroup(name string, tags []Tag, clientToken string) (arn string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := newToken("CreateScheduleGroup", map[string]any{"name": name, "tags": tags})
	if done, err := v.tokens.find(clientToken, t); done || err != nil {
		return v.GroupARN(name), err
	}
	switch {
	case v.groups[name] != nil:
		return "", sfn.Refuse(ConflictException, "Schedule group %s already exists.", name)
	case len(v.groups) > maxGroups:
		return "", sfn.Refuse(ServiceQuotaExceededException, "The number of schedule groups exceeds the limit of %d.", maxGroups)
	}
	now := v.cfg.Clock.Now().UTC()
	g := &Group{Name: name, Created: now, Modified: now}
	if g.Tags, err = merge(nil, tags); err != nil {
		return "", err
	}
	return v.GroupARN(name), v.storeGroup(g, clientToken, t)
}

// storeGroup puts a group in the place of the one of its name. The mutex is held.
func (v *Service) storeGroup(g *Group, clientToken string, t token) error {
	b := v.cfg.Store.NewBatch()
	if err := errors.Join(put(b, collectionGroups, g.Name, g), v.tokens.put(b, clientToken, t)); err != nil {
		return err
	}
	if err := v.cfg.Store.Commit(b); err != nil {
		return err
	}
	v.groups[g.Name] = g
	v.tokens.remember(clientToken, t)
	return nil
}

// Group returns a group. The error may be ResourceNotFoundException.
func (v *Service) Group(name string) (Group, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := v.groups[name]
	if g == nil {
		return Group{}, noGroup(name)
	}
	return *g, nil
}

// Groups lists the groups whose names begin with prefix, by name.
func (v *Service) Groups(prefix string) []Group {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []Group
	for name, g := range v.groups {
		if strings.HasPrefix(name, prefix) {
			list = append(list, *g)
		}
	}
	slices.SortFunc(list, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// DeleteGroup deletes a group with its schedules. AWS does it by and by; here it is done at once. The error may be ResourceNotFoundException,
// ConflictException or ValidationException.
func (v *Service) DeleteGroup(name, clientToken string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := newToken("DeleteScheduleGroup", name)
	if done, err := v.tokens.find(clientToken, t); done || err != nil {
		return err
	}
	switch {
	case name == DefaultGroup:
		return invalid("The default schedule group cannot be deleted.")
	case v.groups[name] == nil:
		return noGroup(name)
	}
	b := v.cfg.Store.NewBatch()
	if err := v.tokens.put(b, clientToken, t); err != nil {
		return err
	}
	if err := v.dropGroup(b, name); err != nil {
		return err
	}
	v.tokens.remember(clientToken, t)
	return nil
}

// dropGroup commits the batch and the deletion of a group. The mutex is held.
func (v *Service) dropGroup(b *store.Batch, name string) error {
	var keys []string
	for k, s := range v.schedules {
		if s.Group == name {
			keys = append(keys, k)
		}
	}
	b.DeleteDocument(collectionGroups, name)
	if err := v.drop(b, keys...); err != nil {
		return err
	}
	delete(v.groups, name)
	return nil
}

// merge puts tags over others, by key. The error may be ValidationException.
func merge(old, over []Tag) ([]Tag, error) {
	byKey := map[string]string{}
	for _, t := range slices.Concat(old, over) {
		byKey[t.Key] = t.Value
	}
	if len(byKey) > maxTags {
		return nil, sfn.Refuse(ServiceQuotaExceededException, "The number of tags exceeds the limit of %d.", maxTags)
	}
	tags := make([]Tag, 0, len(byKey))
	for key, value := range byKey {
		tags = append(tags, Tag{key, value})
	}
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags, nil
}

// TagGroup gives a group, by its ARN, more tags. The error may be ResourceNotFoundException or ServiceQuotaExceededException.
func (v *Service) TagGroup(arn string, tags []Tag) error {
	return v.editGroup(arn, func(g *Group) (err error) { g.Tags, err = merge(g.Tags, tags); return err })
}

// UntagGroup takes tags off a group. The error may be ResourceNotFoundException.
func (v *Service) UntagGroup(arn string, keys []string) error {
	return v.editGroup(arn, func(g *Group) error {
		g.Tags = slices.DeleteFunc(slices.Clone(g.Tags), func(t Tag) bool { return slices.Contains(keys, t.Key) })
		return nil
	})
}

// TagsOf lists the tags of a group. The error may be ResourceNotFoundException.
func (v *Service) TagsOf(arn string) ([]Tag, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g, err := v.groupOf(arn)
	if err != nil {
		return nil, err
	}
	return g.Tags, nil
}

// groupOf finds the group of an ARN. The mutex is held.
func (v *Service) groupOf(arn string) (*Group, error) {
	a, err := sfn.ParseARN(arn)
	name, _ := strings.CutPrefix(a.Resource, "schedule-group/")
	if g := v.groups[name]; err == nil && g != nil {
		return g, nil
	}
	return nil, noGroup(name)
}

// editGroup changes a copy of a group and stores that.
func (v *Service) editGroup(arn string, edit func(*Group) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, err := v.groupOf(arn)
	if err != nil {
		return err
	}
	g := *before
	if err := edit(&g); err != nil {
		return err
	}
	g.Modified = v.cfg.Clock.Now().UTC()
	return v.storeGroup(&g, "", token{})
}
