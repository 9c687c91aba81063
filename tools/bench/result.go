// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is what one run measured. The flag -json writes it.
type Report struct {
	Machine Machine   `json:"machine"`
	Short   bool      `json:"short"`
	Begun   time.Time `json:"begun"`
	Seconds float64   `json:"seconds"`
	Results []Result  `json:"results"`
}

// Machine is where it was measured.
type Machine struct {
	Go   string `json:"go"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	CPU  string `json:"cpu,omitempty"`
	Dir  string `json:"dir"`
}

// Result is one work.
type Result struct {
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Group    string    `json:"group"`
	Engine   string    `json:"engine"`
	Format   string    `json:"format,omitempty"`
	Rows     int       `json:"rows,omitempty"`
	Size     int       `json:"size,omitempty"` // of a value, in bytes
	Unit     string    `json:"unit"`
	Sides    []Side    `json:"sides"`
	Compared []Compare `json:"compared"`
}

// Side is one way of doing a work, for each unit of it.
type Side struct {
	Name   string  `json:"name"`
	Native bool    `json:"native"`
	Min    float64 `json:"min_ns"`
	Median float64 `json:"median_ns"`
	// how wide the middle half of the rounds is, as a fraction of the median
	Spread float64   `json:"spread"`
	Rounds []float64 `json:"rounds_ns"`
	CPU    float64   `json:"min_cpu_ns,omitempty"` // of all threads
	Allocs float64   `json:"allocs"`
	Bytes  float64   `json:"heap_bytes"`
	Disk   int64     `json:"disk_bytes,omitempty"`
	Peak   int64     `json:"peak_memory_bytes,omitempty"` // above what the process had before
}

// Compare is the comparison of a side with another one.
type Compare struct {
	Side string `json:"side"`
	Base string `json:"base"`
	// of the fastest rounds, or of the medians if the work waits for a disk
	Ratio  float64 `json:"ratio"`
	Low    float64 `json:"low"` // half of the rounds lie from Low to High
	High   float64 `json:"high"`
	CPU    float64 `json:"cpu_ratio,omitempty"` // of processor time: steadier on a busy machine
	Figure string  `json:"figure"`              // what is compared with the target
	Target string  `json:"target,omitempty"`
	Met    bool    `json:"met"`
}

// newResult sums up what was measured.
func newResult(w work, measured []series) Result {
	r := Result{
		Name: w.name, Title: w.title, Group: w.group, Engine: w.engine, Format: w.format,
		Rows: w.shape.rows, Size: w.shape.size, Unit: w.unit,
	}
	for _, s := range measured {
		times := s.over(nanos)
		r.Sides = append(r.Sides, Side{
			Name: s.side.name, Native: s.side.native, Rounds: s.over(nanos),
			Min: slices.Min(times), CPU: slices.Min(s.over(cpu)), Median: median(times),
			Spread: s.noise(),
			Allocs: median(s.over(allocs)), Bytes: median(s.over(heap)), Disk: s.disk,
			Peak: s.peak(),
		})
		for _, c := range s.side.claims {
			if base, ok := baseOf(c, s, measured); ok {
				r.Compared = append(r.Compared, newCompare(c, s, base))
			}
		}
	}
	return r
}

// baseOf finds the side that a claim compares with. GuardKV alone has none.
func baseOf(c claim, s series, measured []series) (base series, ok bool) {
	for _, m := range measured {
		if m.side.name == c.base {
			return m, true
		}
	}
	return measured[0], c.base == "" && measured[0].side.name != s.side.name &&
		(measured[0].side.native || c.kind == memoryTimes)
}

func newCompare(c claim, s, base series) Compare {
	v := c.judge(s, base)
	low, high := s.spread(base)
	return Compare{
		Side: s.side.name, Base: base.side.name, Ratio: s.ratio(base), Low: low, High: high,
		CPU:    s.cpuRatio(base),
		Figure: v.figure, Target: v.target, Met: v.met,
	}
}

// write writes the files that cfg asks for.
func (r *Report) write(cfg Config) error {
	var err error
	if cfg.JSON != nil {
		err = r.writeJSON(cfg.JSON)
	}
	if cfg.HTML != nil {
		err = errors.Join(err, r.writeHTML(cfg.HTML))
	}
	return err
}

func (r *Report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	return enc.Encode(r)
}

// ReadReport reads what -json wrote.
func ReadReport(r io.Reader) (*Report, error) {
	report := new(Report)
	return report, json.NewDecoder(r).Decode(report)
}

// thisMachine says where the program runs.
func thisMachine(dir string) Machine {
	m := Machine{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPUs: runtime.GOMAXPROCS(0), Dir: dir,
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// Render makes the page of cfg from a file that -json wrote.
func Render(path string, cfg Config) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := ReadReport(f)
	if err != nil {
		return err
	}
	return r.write(cfg)
}
