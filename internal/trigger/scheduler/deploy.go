package scheduler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrClients says that a client has made a schedule of the name, which a template therefore cannot.
var ErrClients = errors.New("a client has created a schedule of this name; delete that, or give this one another name")

// Deploy brings the schedules and groups of templates to what templates have now: those that are new are created, those that differ are replaced,
// those that are gone are deleted. One that a client has changed since stays as it is while the template says the same of it. refused has, by the
// schedule's place in the list, why it cannot be; err is our own trouble.
func (v *Service) Deploy(groups []Group, schedules []Schedule) (refused map[int]error, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	refused = map[int]error{}
	if err := v.deployGroups(groups); err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for i := range schedules {
		s := schedules[i]
		s.complete()
		if kept[s.key()] {
			refused[i] = fmt.Errorf("another schedule has the name %s in the group %s", s.Name, s.Group)
			continue
		}
		kept[s.key()] = true
		if refused[i], err = v.deploy(&s); err != nil {
			return nil, err
		}
		if refused[i] == nil {
			delete(refused, i)
		} else if before := v.schedules[s.key()]; before != nil && before.Template != "" {
			kept[s.key()] = false // what cannot be is not what was
		}
	}
	var gone []string
	for k, s := range v.schedules {
		if s.Template != "" && !kept[k] {
			gone = append(gone, k)
		}
	}
	return refused, errors.Join(v.drop(v.cfg.Store.NewBatch(), gone...), v.dropGroups(groups))
}

// deploy puts one schedule in its place, or says why it cannot be. The mutex is held.
func (v *Service) deploy(s *Schedule) (refused, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	s.Template = hex.EncodeToString(sum[:16])
	before := v.schedules[s.key()]
	switch {
	case before != nil && before.Template == "":
		return ErrClients, nil
	case before != nil && before.Template == s.Template:
		return nil, nil
	case v.groups[s.Group] == nil:
		return noGroup(s.Group), nil
	}
	now := v.cfg.Clock.Now().UTC()
	s.Created, s.Modified, s.Anchor = now, now, now
	if before != nil {
		s.Created = before.Created
		if before.Expression == s.Expression && before.Start.Equal(s.Start) {
			s.Anchor = before.Anchor // its times go on
		}
	}
	if refused := v.check(s, now); refused != nil {
		return refused, nil
	}
	return nil, v.store(s, "", token{})
}

// deployGroups creates the groups that are not there. The mutex is held.
func (v *Service) deployGroups(groups []Group) error {
	now := v.cfg.Clock.Now().UTC()
	for _, g := range groups {
		if v.groups[g.Name] != nil {
			continue
		}
		g.Created, g.Modified, g.Template = now, now, true
		if err := v.storeGroup(&g, "", token{}); err != nil {
			return err
		}
	}
	return nil
}

// dropGroups deletes the groups of templates that no template has any more, with what is in them. The mutex is held.
func (v *Service) dropGroups(groups []Group) error {
	kept := map[string]bool{}
	for _, g := range groups {
		kept[g.Name] = true
	}
	for name, g := range v.groups {
		if g.Template && !kept[name] {
			if err := v.dropGroup(v.cfg.Store.NewBatch(), name); err != nil {
				return err
			}
		}
	}
	return nil
}
