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

// highest is the largest memory of any of the runs, in bytes.
func highest(runs []run) (most int64) {
	for _, r := range runs {
		most = max(most, r.peak)
	}
	return most
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
