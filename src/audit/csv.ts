/**
 * One line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula is given a leading apostrophe: names are chosen by users,
 * and whoever opens the file is an administrator.
 */
export function csvLine(cells: readonly (string | undefined)[]): string {
  return `${cells.map(cell => `"${(/^[=+\-@＝＋－＠\t\r\n]/.test(cell ?? '') ? `'${cell}` : (cell ?? '')).replaceAll('"', '""')}"`).join(',')}\r\n`
}
