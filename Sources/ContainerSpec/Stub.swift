extension RunSpec { public func validate() throws(SpecError) {} }
