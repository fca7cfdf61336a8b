/**
 * In which order a round takes its contenders: a row of a Williams design (Williams, 1949), every other round backwards,
 * so that nobody comes behind the same one twice in one round less than there are contenders, in as many if they are
 * even. A new process is faster or slower by whom it comes behind (bench/README.md, "Rounds"), which in one fixed order
 * is always the same one's luck.
 *
 * @param round from 1 on; the first begins with the first contender
 */
export function orderOf(contenders, round) {
  const count = contenders.length;
  const turn = Math.floor((round - 1) / 2);
  const row = contenders.map((_, place) => {
    const step = place % 2 === 0 ? place / 2 : count - (place + 1) / 2;
    return contenders[(step + turn) % count];
  });
  return round % 2 === 1 ? row : row.toReversed();
}
