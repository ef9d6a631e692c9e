/** Articles of the Universal Declaration of Human Rights (United Nations, 1948) in four of its official translations. */

/** Per article: English, German, French, Spanish. */
export const HUMAN_RIGHTS: readonly (readonly string[])[] = [
  [
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
  ],
  [
    "Everyone has the right to life, liberty and security of person.",
    "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
    "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne.",
    "Todo individuo tiene derecho a la vida, a la libertad y a la seguridad de su persona.",
  ],
  [
    "No one shall be held in slavery or servitude; slavery and the slave trade shall be prohibited in all their forms.",
    "Niemand darf in Sklaverei oder Leibeigenschaft gehalten werden; Sklaverei und Sklavenhandel sind in allen ihren Formen verboten.",
    "Nul ne sera tenu en esclavage ni en servitude; l'esclavage et la traite des esclaves sont interdits sous toutes leurs formes.",
    "Nadie estará sometido a esclavitud ni a servidumbre; la esclavitud y la trata de esclavos están prohibidas en todas sus formas.",
  ],
  [
    "No one shall be subjected to torture or to cruel, inhuman or degrading treatment or punishment.",
    "Niemand darf der Folter oder grausamer, unmenschlicher oder erniedrigender Behandlung oder Strafe unterworfen werden.",
    "Nul ne sera soumis à la torture, ni à des peines ou traitements cruels, inhumains ou dégradants.",
    "Nadie será sometido a torturas ni a penas o tratos crueles, inhumanos o degradantes.",
  ],
  [
    "Everyone has the right to recognition everywhere as a person before the law.",
    "Jeder hat das Recht, überall als rechtsfähig anerkannt zu werden.",
    "Chacun a le droit à la reconnaissance en tous lieux de sa personnalité juridique.",
    "Todo ser humano tiene derecho, en todas partes, al reconocimiento de su personalidad jurídica.",
  ],
  [
    "No one shall be subjected to arbitrary arrest, detention or exile.",
    "Niemand darf willkürlich festgenommen, in Haft gehalten oder des Landes verwiesen werden.",
    "Nul ne peut être arbitrairement arrêté, détenu ou exilé.",
    "Nadie podrá ser arbitrariamente detenido, preso ni desterrado.",
  ],
  [
    "Everyone has the right to freedom of movement and residence within the borders of each State.",
    "Jeder hat das Recht, sich innerhalb eines Staates frei zu bewegen und seinen Aufenthaltsort frei zu wählen.",
    "Toute personne a le droit de circuler librement et de choisir sa résidence à l'intérieur d'un État.",
    "Toda persona tiene derecho a circular libremente y a elegir su residencia en el territorio de un Estado.",
  ],
  [
    "Everyone has the right to a nationality.",
    "Jeder hat das Recht auf eine Staatsangehörigkeit.",
    "Tout individu a droit à une nationalité.",
    "Toda persona tiene derecho a una nacionalidad.",
  ],
  [
    "Everyone has the right to own property alone as well as in association with others.",
    "Jeder hat das Recht, sowohl allein als auch in Gemeinschaft mit anderen Eigentum innezuhaben.",
    "Toute personne, aussi bien seule qu'en collectivité, a droit à la propriété.",
    "Toda persona tiene derecho a la propiedad, individual y colectivamente.",
  ],
  [
    "Everyone has the right to freedom of peaceful assembly and association.",
    "Alle Menschen haben das Recht, sich friedlich zu versammeln und zu Vereinigungen zusammenzuschließen.",
    "Toute personne a droit à la liberté de réunion et d'association pacifiques.",
    "Toda persona tiene derecho a la libertad de reunión y de asociación pacíficas.",
  ],
  [
    "Everyone has the right to rest and leisure, including reasonable limitation of working hours and periodic holidays with pay.",
    "Jeder hat das Recht auf Erholung und Freizeit und insbesondere auf eine vernünftige Begrenzung der Arbeitszeit und regelmäßigen bezahlten Urlaub.",
    "Toute personne a droit au repos et aux loisirs et notamment à une limitation raisonnable de la durée du travail et à des congés payés périodiques.",
    "Toda persona tiene derecho al descanso, al disfrute del tiempo libre, a una limitación razonable de la duración del trabajo y a vacaciones periódicas pagadas.",
  ],
  [
    "Everyone has the right to education.",
    "Jeder hat das Recht auf Bildung.",
    "Toute personne a droit à l'éducation.",
    "Toda persona tiene derecho a la educación.",
  ],
];
