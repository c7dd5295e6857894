"""The words, scenes and palettes of `paint`, as data.

A word matches when a word of the prompt starts with it, so "mountain" also matches "mountains". MOODS lists the scenes of an
archetype, best first; words of the prompt weigh more than the archetype. Every scene lists the palettes that suit it.
"""

from __future__ import annotations

SCENES: dict[str, str] = {
    "mountains": "mountain hill valley alpine peak ridge landscape hike lake cliff summit wilderness dusk desert canyon travel",
    "skyline": (
        "city cities skyline urban tower building street downtown"
        " night-life metropolis office business finance bank startup company market"
    ),
    "ocean": "ocean sea wave beach surf coast island sail ship water marine underwater dolphin whale pacific atlantic",
    "clouds": ("cloud sky sunrise dawn heaven hope inspir motivat morning dream fly flight bird faith believe grateful gratitude"),
    "nebula": (
        "space galax nebula star stars hole universe cosm planet astronom orbit rocket nasa mars moon telescope night alien"
    ),
    "forest": (
        "forest wood woods tree jungle fog mist mystery mysterious"
        " haunt ghost vanish disappear secret legend dark crime unsolved shadow"
    ),
    "circuit": (
        "tech circuit comput chip ai digital data network cyber"
        " code software robot quantum algorithm internet processor gpu hack phone"
    ),
    "columns": (
        "rome roman greek greece temple museum archive library cathedral palace philosoph law democrac marble monument ruins stoic"
    ),
    "old_map": (
        "map histor ancient medieval empire explor pirate treasure voyage"
        " century war king queen expedition colony civilisation civilization dynasty"
    ),
    "papercut": "explain learn lesson science guide understand step layer paper teach educat school concept",
    "signals": (
        "trend viral growth rise chart graph stock statistic analys price econom percent record data-driven forecast crypto"
    ),
    "spheres": "tip tips hack quick easy simple product ball sphere toy kitchen habit productivity trick clean bounce",
    "ribbons": "ribbon silk flow satisf smooth fabric wave-form calm relax asmr texture abstract soft music paint",
    "liquid": "liquid glass molten morph melt fluid slime gel honey metal chrome sensory lava lamp drip pour oil",
    "agate": "slice slicing agate crystal gem stone cut geode mineral marble sand kinetic soap rock jewel",
}

MOODS: dict[str, tuple[str, ...]] = {
    "tech_news": ("circuit", "skyline", "signals"),
    "documentary_mystery": ("forest", "nebula", "columns", "ocean"),
    "explainer": ("papercut", "spheres", "ribbons"),
    "quick_tips": ("spheres", "papercut", "ribbons"),
    "sensory_morph": ("liquid", "ribbons", "nebula"),
    "compressed_history": ("old_map", "columns", "mountains"),
    "satisfying_slice": ("agate", "ribbons", "liquid", "spheres"),
    "trending_analysis": ("signals", "skyline", "circuit"),
    "daily_inspiration": ("clouds", "mountains", "ocean"),
}

PALETTES_OF: dict[str, tuple[str, ...]] = {
    "mountains": ("dusk", "teal", "rose", "ember", "ice", "violet", "ocean"),
    "skyline": ("dusk", "violet", "teal", "neon", "ember", "cyber"),
    "ocean": ("teal", "dusk", "ocean", "rose", "ember", "gold"),
    "clouds": ("rose", "gold", "dusk", "teal", "pastel"),
    "nebula": ("violet", "ocean", "teal", "ember", "neon", "aurora"),
    "forest": ("fog", "forest", "teal", "ice", "gold"),
    "circuit": ("cyber", "neon", "violet", "jade", "ember"),
    "columns": ("gold", "sepia", "teal", "dusk"),
    "old_map": ("sepia", "gold"),
    "papercut": ("candy", "ocean", "rose", "teal", "jade", "dusk", "violet"),
    "signals": ("neon", "jade", "cyber", "violet", "ember", "gold"),
    "spheres": ("pastel", "candy", "rose", "jade", "ocean", "teal"),
    "ribbons": ("candy", "ocean", "violet", "rose", "teal", "gold", "jade"),
    "liquid": ("candy", "violet", "neon", "rose", "ember", "ocean"),
    "agate": ("teal", "violet", "candy", "jade", "ocean", "ember"),
}
