//go:build bench

package bench

import "slices"

// seconds is the median wall time of runs.
func seconds(runs []run) float64 {
	walls := make([]float64, 0, len(runs))
	for _, r := range runs {
		walls = append(walls, r.wall.Seconds())
	}
	slices.Sort(walls)
	return walls[len(walls)/2]
}

// peak is the median of the largest memory of runs, in bytes.
func peak(runs []run) int64 {
	peaks := make([]int64, 0, len(runs))
	for _, r := range runs {
		peaks = append(peaks, r.peak)
	}
	slices.Sort(peaks)
	return peaks[len(peaks)/2]
}
