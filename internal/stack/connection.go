package stack

import (
	"fmt"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// deployConnection keeps an EventBridge connection for HTTP tasks, unless the project has one of the same name of its own: secrets are rarely in
// templates.
func (s *Stack) deployConnection(_ *unit, r *cfn.Resource) error {
	if _, own := s.connections[r.Name]; own {
		return nil
	}
	if s.open { // tasks read the set
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the new connection " + r.Name + " is known after a restart"})
		return nil
	}
	p := r.Read()
	properties := value.NewObject(
		value.Member{Name: "AuthorizationType", Value: p.Value("AuthorizationType")}, value.Member{Name: "AuthParameters", Value: p.Value("AuthParameters")})
	if err := p.Err(); err != nil {
		return err
	}
	parsed, err := task.ParseConnections([]byte(value.Text(value.NewObject(value.Member{Name: r.Name, Value: properties}))))
	if err != nil {
		return fmt.Errorf("the connection cannot be read: %w", err)
	}
	s.connections[r.Name] = parsed[r.Name]
	return nil
}
