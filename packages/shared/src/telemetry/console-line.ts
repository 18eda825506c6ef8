/** A JSON line as people read it: time, level, logger, message, and the other fields as JSON, separated by tabs. */
export function consoleLine(line: string): string {
  const { ts, level, logger, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const head = [ts, String(level).toUpperCase(), logger ?? '', oneLine(String(msg))]
  const tail = Object.keys(fields).length === 0 ? [] : [JSON.stringify(fields)]
  return `${[...head, ...tail].join('\t')}\n`
}

/** A message from outside must not be able to fake a second line. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\t]/g, ' ')
}
