// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

// works returns everything that can be measured, engine by engine, so that only the data of one
// engine is on the disk at a time.
func (e *env) works() []work {
	if e.cfg.Yours != (Yours{}) {
		return e.yourWorks()
	}
	var all []work
	for _, en := range engines {
		all = append(all, e.engineWorks(en)...)
	}
	return append(all, formatWorks()...)
}

// engineWorks are the works of one engine.
func (e *env) engineWorks(en engine) []work {
	s := e.sizes
	all := []work{
		getWork(en, s.small, 1), getWork(en, s.small, 2), getWork(en, s.middle, 1),
		getWork(en, s.large, 1),
		getBesideWriterWork(en, s.small, 1), getBesideWriterWork(en, s.small, 2),
		scanWork(en, s.small, false), scanWork(en, s.small, true),
		rangeWork(en, s.small, 10, false), rangeWork(en, s.small, 100, false),
		rangeWork(en, s.small, 100, true),
		seekWork(en, s.small), getManyWork(en, s.small),
	}
	if en.squeezed != nil {
		small := getWork(*en.squeezed, s.middle, 1)
		small.name, small.group = en.name+"/get-small-cache/"+sizeName(s.middle.size),
			"get with a small cache"
		all = append(all, small)
	}
	all = append(all, coldWork(en, s.middle)...)
	all = append(all, recordWorks(en, e)...)
	all = append(all,
		putWork(en, 128, false), putWork(en, 128, true), putConcurrentlyWork(en, 128, s.writes),
		batchWork(en, 128),
		transactionWork(en), modifyWork(en, s.writes), deleteWork(en, s.change),
		clearWork(en, s.change), dropWork(en, s.change),
		closeGuardsWork(en), openWork(en, s.change), compactWork(en, s.change),
		loadWork(en, s.load, true, 3), loadWork(en, s.load, false, 3),
	)
	all = append(all, flatWorks(en, s.flat)...)
	if en.also != nil {
		all = append(all, en.also(s.small)...)
	}
	for _, scale := range s.scale {
		all = append(all, scaleWorks(en, scale)...)
	}
	return append(all, guardWorks(en)...)
}
