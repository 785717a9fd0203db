package sfn

import "time"

// BilledMillis is what AWS charges for an Express execution, in milliseconds: steps of 100 ms, of which there is at least one.
func BilledMillis(d time.Duration) int64 { return max(1, (d.Milliseconds()+99)/100) * 100 }
