package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/stack"
)

// schedulesPath is where a server tells of its schedules, and fires one that is posted to it. AWS has nothing for that.
const schedulesPath = "/_tutti/schedules"

// fireRequest names what to fire.
type fireRequest struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	Name  string `json:"name"`
}

// fireAnswer is what came of it: what was started, and what was not.
type fireAnswer struct {
	Started []stack.Started `json:"started"`
	Error   string          `json:"error,omitempty"`
	Missing bool            `json:"missing,omitempty"` // there is no such schedule
}

// serveSchedules answers on schedulesPath.
func (s *server) serveSchedules() http.Handler {
	return api.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost {
			_ = json.NewEncoder(w).Encode(s.stack.Schedules()) // the client is gone: nobody to tell
			return
		}
		var in fireRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		started, err := s.stack.FireSchedule(r.Context(), in.Kind, in.Group, in.Name)
		answer := fireAnswer{Started: started}
		var refused *sfn.Exception
		if err != nil {
			answer.Error = err.Error()
			answer.Missing = errors.As(err, &refused) && refused.Name == "ResourceNotFoundException"
		}
		_ = json.NewEncoder(w).Encode(answer) // as above
	}))
}
