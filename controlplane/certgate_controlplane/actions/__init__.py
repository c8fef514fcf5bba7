"""The emulated actions, one async function each: `(context, parameters) -> answer`."""
