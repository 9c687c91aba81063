package backendtest

func typed() []promise { return nil }
