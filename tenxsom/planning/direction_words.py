"""The words by which directions to a film maker are recognised, as data: one entry per language.

`ends` and `opens` are patterns at the beginning of a sentence ("End with …"), or anywhere where a language puts the verb last.
`orders` are verbs and particles of an order; a sentence is a direction if it also has a word of `film`. `film` are words for the
picture, `voice` for the narration, `music` for the music. Languages without blanks have no word boundaries.
"""

from __future__ import annotations

from typing import NamedTuple


class DirectionWords(NamedTuple):
    """The patterns of one language, each a regular expression without a group."""

    ends: str
    orders: str
    film: str
    voice: str
    music: str
    opens: str = r"(?!)"
    verb_first: bool = True
    """Whether an order begins with its verb; otherwise it may stand anywhere in the sentence."""
    words: bool = True
    """Whether the language writes blanks between words."""


DIRECTIONS: dict[str, DirectionWords] = {
    "en": DirectionWords(
        ends=r"(?:please )?(?:end|conclude|wrap up|finish up)(?: (?:it|this|off|the (?:video|film|clip|story)))? (?:with|on|by)\b",
        opens=r"(?:please )?(?:open|start|begin)(?: (?:it|this|off|the (?:video|film|clip|story)))? on\b",
        orders=r"(?:please )?(?:make|keep|use|using|film|shoot|show|give|set|add|include|insert|avoid|don'?t|do not|"
        r"never show|no|without|"
        r"write|speak|narrate|render|let|put|prefer|try|aim|ensure|be)\b",
        film=r"(?:looks?|style|stylish|aesthetics?|palette|vibe|lighting|mood|cinematography|cinematic|cinematically|b-?roll|"
        r"close-?ups?|footage|bokeh|camera|lens|depth of field|colou?r grading|colou?rs|shots?|handheld|drone|time-?lapse|"
        r"slow motion|slow-?mo|push-?in|zooms?|photorealistic|film grain|animation|animated|transitions?|visuals?|imagery|"
        r"text|captions?|subtitles|watermarks?|logos?|brands?|faces|on-?screen|on screen|video|frame|background|scenes?|vertical)",
        voice=r"(?:voice|voice-?over|narrator|narration|tone|pace|pacing|tempo|humou?r|jargon|language|sentences|words|script|"
        r"speech|accent|clich[ée]s?|hype|audience|viewers?|beginners|call to action|hashtags?|emojis?|second person)",
        music=r"(?:music|soundtrack|score|beat|sound effects|song)",
    ),
    "de": DirectionWords(
        ends=r"(?:bitte )?(?:ende|enden|beende|beenden|schlie(?:ß|ss)e?|höre?)(?: (?:das|den|die) \w+)? (?:mit|auf)\b|"
        r"(?:am ende|zum schluss) (?:bitte|soll|zeige?|kommt)\b",
        opens=r"(?:bitte )?(?:beginne|beginn|starte|öffne|fange?)(?: (?:das|den|die) \w+)? mit (?:einer|einem) \b",
        orders=r"(?:bitte|mach[et]?|halte?|verwende|benutze|nutze|nimm|zeige?|filme|vermeide|keine?n?|ohne|setze|gib)\b",
        film=r"(?:look|stil|stimmung|kamera\w*|farb\w*|licht\w*|beleuchtung|bildsprache|bilder|ästhetik|\w*aufnahmen?|zeitlupe|"
        r"einstellung(?:en)?|text\w*|untertitel|logos?|gesichter|video|filmisch\w*|kino\w*|atmosphäre|düster|animation)",
        voice=r"(?:ton|tonfall|stimme|tempo|sprecher\w*|sätze|fachsprache|fachbegriffe|humor\w*|sprache|zielgruppe|klischees)",
        music=r"(?:musik\w*|\w*musik|klänge|soundtrack)",
    ),
    "fr": DirectionWords(
        ends=r"(?:termine[rz]?|finis(?:sez)?|finir|conclu(?:s|ez|re)|achève[rz]?)(?: (?:la vidéo|le film|"
        r"l[’']histoire))? (?:par|avec|sur)\b",
        opens=r"(?:commence[rz]?|ouvre[rz]?|ouvrir)(?: (?:la vidéo|le film))? (?:par|sur) une?\b",
        orders=r"(?:utilise[rz]?|garde[rz]?|fais|faites|montre[rz]?|filme[rz]?|évite[rz]?|pas de|sans|mets|mettez|"
        r"donne[rz]?|privilégie[rz]?)\b",
        film=r"(?:style|ambiance|caméra|couleurs?|palette|lumière|éclairage|esthétique|(?:gros )?plans?|ralenti|texte|"
        r"sous-titres|logos?|"
        r"visages?|vidéo|cinématographiques?|images?|animation)",
        voice=r"(?:ton|voix|rythme|phrases|humour|narrateur|narration|jargon|langage|public)",
        music=r"(?:musique|bande-son)",
    ),
    "es": DirectionWords(
        ends=r"(?:termin[ae]r?|acab[ae]r?|cierra|cierre|cerrar|finaliz[ae]r?|finalice|conclu(?:ye|ya|"
        r"ir))(?: (?:el v[ií]deo|la película))? con\b",
        opens=r"(?:empieza|empezar|comienza|comenzar|abre|abrir)(?: (?:el v[ií]deo|la película))? con una?\b",
        orders=r"(?:us[ae]r?|utiliza[r]?|utilice|mantén|mantener|haz|hacer|muestra|mostrar|filma|evita[r]?|evite|sin|"
        r"nada de|pon|poner)\b",
        film=r"(?:estilo|ambiente|cámara|colores|paleta|luz|iluminación|estética|(?:primer(?:os)? )?planos?|texto|"
        r"subtítulos|logos?|rostros|"
        r"caras|v[ií]deo|cinematográfic[oa]s?|imágenes|animación)",
        voice=r"(?:tono|voz|ritmo|frases|humor|narrador|narración|jerga|lenguaje|público)",
        music=r"(?:música|banda sonora)",
    ),
    "it": DirectionWords(
        ends=r"(?:termina(?:re|te)?|finisci|finire|concludi|concludere|chiudi|chiudere)(?: (?:il video|il film))? con\b",
        opens=r"(?:inizia(?:re)?|comincia(?:re)?|apri(?:re)?)(?: (?:il video|il film))? con una?\b",
        orders=r"(?:usa(?:re)?|utilizza(?:re)?|mantieni|fai|mostra(?:re)?|evita(?:re)?|senza|niente|metti|mettere)\b",
        film=r"(?:stile|atmosfera|telecamera|camera|colori|palette|luce|illuminazione|estetica|inquadratur[ae]|"
        r"prim[io] pian[io]|rallentatore|"
        r"testo|sottotitoli|loghi|volti|video|cinematografic\w+|immagini|animazione)",
        voice=r"(?:tono|voce|ritmo|frasi|umorismo|narratore|narrazione|gergo|linguaggio|pubblico)",
        music=r"(?:musica|colonna sonora)",
    ),
    "pt": DirectionWords(
        ends=r"(?:termin[ae]r?|acab[ae]r?|conclu(?:a|i|ir)|finaliz[ae]r?|encerr[ae]r?)(?: (?:o vídeo|o filme))? com\b",
        opens=r"(?:comec[ae]r?|começ[ae]r?|abr[ae]|abrir)(?: (?:o vídeo|o filme))? com uma?\b",
        orders=r"(?:us[ae]r?|utiliz[ae]r?|mantenha|mantém|faça|faz|mostr[ae]r?|evit[ae]r?|sem|nada de|coloque|põe)\b",
        film=r"(?:estilo|ambiente|câm[ea]ra|cores|paleta|luz|iluminação|estética|planos?|texto|legendas|logos?|rostos|vídeo|"
        r"cinematográfic[oa]s?|imagens|animação)",
        voice=r"(?:tom|voz|ritmo|frases|humor|narrador|narração|jargão|linguagem|público)",
        music=r"(?:música|trilha sonora|banda sonora)",
    ),
    "nl": DirectionWords(
        ends=r"(?:eindig|sluit(?: \w+ \w+)? af|beëindig)(?: (?:de video|de film|het))? met\b",
        orders=r"(?:gebruik|houd?|maak|toon|laat|vermijd|geen|zonder|film)\b",
        film=r"(?:stijl|sfeer|camera\w*|kleuren|palet|licht|belichting|esthetiek|shots?|beelden|tekst|ondertitels|video|"
        r"filmisch\w*|animatie)",
        voice=r"(?:toon|stem|tempo|zinnen|humor|verteller|jargon|taal)",
        music=r"(?:muziek)",
    ),
    "sv": DirectionWords(
        ends=r"(?:avsluta|sluta)(?: (?:filmen|videon))? med\b",
        orders=r"(?:använd|håll|gör|visa|undvik|inga?|utan|filma)\b",
        film=r"(?:stil|stämning|kamera\w*|färger\w*|palett|ljus\w*|bilder|text|video|filmisk\w*)",
        voice=r"(?:ton|röst|tempo|meningar|humor|språk)",
        music=r"(?:musik\w*)",
    ),
    "pl": DirectionWords(
        ends=r"(?:zakończ|skończ|zakończyć|zakończcie)\b",
        orders=r"(?:użyj|używaj|zachowaj|pokaż|unikaj|bez|zrób|filmuj)\b",
        film=r"(?:styl\w*|nastr\w+|kamer\w+|kolor\w*|palet\w+|światł\w+|oświetleni\w+|ujęci\w+|kadr\w*|tekst\w*|"
        r"napis\w+|kinow\w+|obraz\w*)",
        voice=r"(?:ton\w*|głos\w*|temp\w+|zdania|humor\w*|język\w*|narra\w+)",
        music=r"(?:muzyk\w+)",
    ),
    "ru": DirectionWords(
        ends=r"(?:закончи|заверши|закончите|завершите|закончить|завершить)\b|в конце (?:покажи|скажи)(?:те)?\b",
        opens=r"(?:начни|начните|начать)(?: (?:видео|фильм))? с\b",
        orders=r"(?:используй(?:те)?|сделай(?:те)?|покажи(?:те)?|снимай(?:те)?|снимите|избегай(?:те)?|без|держи(?:те)?|"
        r"пусть|добавь(?:те)?)\b",
        film=r"(?:стил\w+|настроени\w+|атмосфер\w+|камер\w+|цвет\w*|палитр\w+|свет\w*|освещени\w+|план\w*|кадр\w*|"
        r"съёмк\w+|текст\w*|субтитр\w*|"
        r"кинематографич\w+|видео)",
        voice=r"(?:тон\w*|голос\w*|темп\w*|предложени\w+|юмор\w*|язык\w*|жаргон\w*)",
        music=r"(?:музык\w+)",
    ),
    "uk": DirectionWords(
        ends=r"(?:закінчи|заверши|закінчіть|завершіть|завершити|закінчити)\b",
        orders=r"(?:використовуй(?:те)?|зроби|зробіть|покажи|покажіть|знімай(?:те)?|уникай(?:те)?|без|нехай)\b",
        film=r"(?:стил\w+|настр\w+|атмосфер\w+|камер\w+|кольор\w+|палітр\w+|світл\w+|план\w*|кадр\w*|текст\w*|"
        r"кінематографічн\w+|відео)",
        voice=r"(?:тон\w*|голос\w*|темп\w*|речен\w+|гумор\w*|мов\w+)",
        music=r"(?:музик\w+)",
    ),
    "tr": DirectionWords(
        ends=r".*(?:ile|la|le|yla|yle) (?:bitir|bitsin|bitirin|sonlandır\w*)[.!]?$",
        orders=r"(?:kullan(?:ın)?|yap(?:ın)?|göster(?:in)?|olsun|kaçın(?:ın)?|çek(?:in)?)[.!]?$",
        film=r"(?:stil\w*|hava\w*|atmosfer\w*|kamera\w*|renk\w*|palet\w*|ışık\w*|çekim\w*|görüntü\w*|yazı\w*|sinematik|video\w*)",
        voice=r"(?:ton\w*|ses\w*|tempo\w*|cümle\w*|mizah\w*|dil\w*|anlat\w+)",
        music=r"(?:müzik\w*|müziğ\w*)",
        verb_first=False,
    ),
    "zh": DirectionWords(
        ends=r"(?:请)?(?:最后|结尾|片尾|以|用).*(?:结尾|结束|收尾|收场)[。.!！]?$|(?:结尾|片尾)(?:要|用|请|放|处)",
        opens=r"(?:请)?(?:以|用|从).*(?:开头|开场|开始)[。.!！]?$",
        orders=r"(?:请|使用|采用|保持|避免|不要|用|整体|全程)",
        film=r"(?:风格|氛围|色调|镜头|画面|光线|灯光|特写|字幕|电影感|运镜|色彩|构图|画质)",
        voice=r"(?:语气|旁白|节奏|语速|口吻|语调)",
        music=r"(?:配乐|音乐|背景乐)",
        words=False,
    ),
    "ja": DirectionWords(
        ends=r"(?:最後|ラスト|締め|エンディング|終わり)(?:は|に|を).*(?:締め|終わ|終え|しめ|見せ|入れ)",
        opens=r"(?:冒頭|最初|オープニング)(?:は|に|を).*(?:始め|始ま|見せ|入れ)",
        orders=r"(?:にして|ください|でお願いします|でお願い|避けて|雰囲気で|トーンで|調で|なし)[。.!！]?$",
        film=r"(?:雰囲気|カメラ|映像|色調|色合い|照明|画面|シネマ|映画的|映画のよう|スタイル|クローズアップ|字幕|文字|構図)",
        voice=r"(?:トーン|口調|ナレーション|テンポ|声|話し方)",
        music=r"(?:音楽|BGM|曲)",
        verb_first=False,
        words=False,
    ),
    "ko": DirectionWords(
        ends=r"(?:마지막|끝|엔딩|결말)\w*\s.*(?:끝내|마무리|끝나|끝맺|보여)",
        opens=r"(?:처음|시작|오프닝)\w*\s.*(?:시작하|보여)",
        orders=r"(?:주세요|하세요|해 ?줘|분위기로|느낌으로|없이)[.!]?$",
        film=r"(?:분위기|카메라|영상|색감|색조|조명|화면|시네마\w*|영화\w*|스타일|클로즈업|자막|구도)",
        voice=r"(?:톤|말투|내레이션|템포|목소리|어조)",
        music=r"(?:음악|배경음)",
        verb_first=False,
        words=False,
    ),
    "ar": DirectionWords(
        ends=r"(?:اختم|اختتم|أنهِ|أنه|انه|اجعل النهاية)(?=\s)",
        opens=r"(?:ابدأ|افتتح)(?=\s).*(?:سؤال|لقطة|مشهد)",
        orders=r"(?:استخدم|اجعل|تجنب|تجنّب|أظهر|صوّر|صور|حافظ|بدون|من دون|لا تستخدم|لا تظهر)(?=\s)",
        film=r"(?:ال)?(?:أسلوب\w*|نمط|أجواء|كاميرا|ألوان\w*|إضاءة|لقطات|لقطة|نص|نصوص|سينمائي\w*|فيديو|صورة|شعارات|وجوه)",
        voice=r"(?:ال)?(?:نبرة|صوت|إيقاع|راوي|لهجة|جمل|فكاهة)",
        music=r"(?:ال)?(?:موسيقى)",
    ),
    "hi": DirectionWords(
        ends=r"(?:अंत|आख़िर|आखिर|अंत में)\s.*(?:करें|करो|कीजिए|दिखाएँ|दिखाएं|दिखाओ|हो)[।.!]?$",
        orders=r"(?:रखें|रखो|रखिए|करें|करो|कीजिए|दिखाएँ|दिखाएं|बनाएँ|बनाएं|बचें|न हो|हो)[।.!]?$",
        film=r"(?:शैली|माहौल|कैमरा|कैमरे|रंगों|रंग|रोशनी|प्रकाश|शॉट|सिनेमाई|टेक्स्ट|दृश्यों|वीडियो|फ़्रेम)",
        voice=r"(?:आवाज़|आवाज|लहजा|लहज़ा|गति|वाक्य|हास्य|भाषा)",
        music=r"(?:संगीत)",
        verb_first=False,
        words=False,
    ),
    "vi": DirectionWords(
        ends=r"(?:hãy )?kết thúc (?:video |phim )?(?:bằng|với)\b",
        orders=r"(?:hãy|dùng|sử dụng|giữ|tránh|không dùng|quay)\b",
        film=r"(?:phong cách|không khí|máy quay|màu sắc|ánh sáng|cận cảnh|khung hình|điện ảnh|video|phụ đề)",
        voice=r"(?:giọng\w*|nhịp|câu ngắn|hài hước)",
        music=r"(?:nhạc|âm nhạc)",
    ),
    "id": DirectionWords(
        ends=r"(?:akhiri|tutup|selesaikan)(?:lah)?(?: (?:video|film))? dengan\b",
        orders=r"(?:gunakan|pakai|jaga|buat|tampilkan|hindari|tanpa)\b",
        film=r"(?:gaya|suasana|kamera|warna|pencahayaan|cahaya|sinematik|gambar|teks|video)",
        voice=r"(?:nada|suara|tempo|kalimat|humor|bahasa)",
        music=r"(?:musik)",
    ),
    "th": DirectionWords(
        ends=r"(?:จบ|ปิดท้าย)(?:วิดีโอ|หนัง)?ด้วย",
        orders=r"(?:ใช้|ทำให้|หลีกเลี่ยง|ไม่ใช้|แสดง)",
        film=r"(?:สไตล์|บรรยากาศ|กล้อง|สีสัน|แสง|ภาพ|โทนสี|วิดีโอ|ซีเนมาติก)",
        voice=r"(?:น้ำเสียง|เสียงบรรยาย|จังหวะ)",
        music=r"(?:ดนตรี|เพลง)",
        words=False,
    ),
    "he": DirectionWords(
        ends=r"(?:סיים|סיימי|סיימו|לסיים)(?: את הסרטון| את הסרט)? (?:ב|עם)",
        orders=r"(?:השתמש\w*|שמור\w*|הימנע\w*|הראה|צלם|בלי|ללא)(?=\s)",
        film=r"(?:ה|ב)?(?:סגנון|אווירה|מצלמה|צבעים|תאורה|אור|צילומים|טקסט|קולנועי\w*|סרטון)",
        voice=r"(?:ה|ב)?(?:טון|קול|קצב|משפטים|הומור|שפה)",
        music=r"(?:ה|ב)?(?:מוזיקה|מוסיקה)",
    ),
    "el": DirectionWords(
        ends=r"(?:τελείωσε|τελειώστε|κλείσε|κλείστε|ολοκλήρωσε)\b",
        orders=r"(?:χρησιμοποίησε|χρησιμοποιήστε|κράτα|κράτησε|δείξε|απόφυγε|χωρίς)\b",
        film=r"(?:στυλ|ύφος|ατμόσφαιρα|κάμερα|χρώματα|παλέτα|φως|φωτισμό\w*|πλάνα|κείμενο|κινηματογραφικ\w+|βίντεο)",
        voice=r"(?:τόνο\w*|φωνή|ρυθμό\w*|προτάσεις|χιούμορ)",
        music=r"(?:μουσική)",
    ),
    "cs": DirectionWords(
        ends=r"(?:ukonči|skonči|zakonči)(?:te)?\b",
        orders=r"(?:použij|používej|zachovej|ukaž|vyhni|bez|natoč|udělej)\b",
        film=r"(?:styl\w*|nálad\w+|kamer\w+|barv\w*|palet\w+|světl\w+|osvětlení|záběr\w*|text\w*|titulk\w+|filmov\w+|video)",
        voice=r"(?:tón\w*|hlas\w*|temp\w+|vět\w+|humor\w*)",
        music=r"(?:hudb\w+)",
    ),
}  # fmt: skip
